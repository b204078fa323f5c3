"""A user of the embedded store in a process of its own: ``embedded_owner.py FOLDER``.

It says the server's process id, then obeys the words on standard input, one a line: ``detach``,
``fork`` (the child says its id, detaches and stays). Ctrl-C it survives and says "interrupted".
"""

import os
import signal
import sys
from pathlib import Path

from lookup.index.embedded import EmbeddedStore


def main() -> None:
    signal.signal(signal.SIGINT, lambda *_: say("interrupted"))
    store = EmbeddedStore.attach(Path(sys.argv[1]))
    say(str(store.pid))
    while True:
        word = sys.stdin.readline().strip()
        if word == "detach":
            store.detach()
            say("detached")
        elif word == "fork" and os.fork() == 0:
            say(str(os.getpid()))
            store.detach()
            signal.pause()
        elif not word:
            return


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
