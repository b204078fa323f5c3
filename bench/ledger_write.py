"""ledger/write: what writing rows costs, for a small load and for one of the whole country.

The more rows a load has, the more sets they are spread over, and the fewer go into one command:
31 of a group for 200,000 identifiers, 4 for 16 million. ``bench.load`` cannot show that. Processor
time of the loader and of the server; for information.
"""

import time
from collections.abc import Iterator

from bench import rows
from bench.figures import Clock, Figure, Options, number, process_cpu, say
from bench.scratch import Scratch, scratch
from loaders import second_pass
from lookup.index import ledger_rows

STEP = "ledger_write"
_SIZES = {"200k": 200_000, "16M": 16_000_000}
_GROUPS = 4


def run(options: Options) -> Iterator[Figure]:
    """A few groups of a load of each size."""
    with scratch() as index:
        for name, size in _SIZES.items():
            yield _write(index, name, size, options)


def _write(index: Scratch, name: str, size: int, options: Options) -> Figure:
    load = rows.begin(index, size)
    group = options.size(second_pass.group_rows(load), 500)
    groups = [rows.sealed(index.loader().keys.ledger, group) for _ in range(_GROUPS)]
    own, server = time.process_time(), process_cpu(index.pid)
    clock = Clock()
    for number_of, sealed in enumerate(groups, 1):
        ledger_rows.write(index.store, load, sealed, number_of * group)
    wall = clock.spent().wall
    micro = 1e6 / (group * _GROUPS)
    own, server = (time.process_time() - own) * micro, (process_cpu(index.pid) - server) * micro
    say(
        f"\nledger/write/{name}: a load of {size:,} in {load.shards:,} sets: {wall * micro:.2f} us"
        f" a row by the clock; of processor time {own:.2f} us loader, {server:.2f} us server"
    )
    return number(f"ledger/write/{name}", f"{own + server:.2f} us", "", STEP)
