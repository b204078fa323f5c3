"""A program for the tests of pins: it pins services of its own, and follows a shared one."""

import json
import sys
from pathlib import Path

from lookup.errors import Code, CouldNotCheckError
from lookup.pins import Pins
from lookup.protocol import parameters

path, shared, first = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
document = sys.stdin.buffer.read()
pins = Pins(path)
for number in range(first, first + 20):
    raw = json.loads(document)
    raw["version"] = f"{number}-{raw['root'][:8]}"
    seen = parameters.parse(json.dumps(raw).encode())
    pins.check(f"https://{number}.example", seen)
    try:
        pins.check(shared, seen)
    except CouldNotCheckError as error:
        if error.code is not Code.ROLLED_BACK:
            raise
