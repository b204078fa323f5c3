"""``python -m fuzz TARGET [SECONDS]``: let atheris look for a crash, a hang or a memory that grows.

Targets: ``sql`` (the statements of a dump), ``archive`` (packed files, whole: ``Dump``), ``source``
(any file through ``open_source``, all its rows). What is expected of every input: rows that fit
their header and are counted, or an ``InputError`` of one sentence; within seconds and 1 GiB.

The corpus is made anew in a temporary folder from the seeds of ``fuzz.seeds``, and how many there
are is told. An input that broke a reader is left in the current folder as ``crash-*``; add it to
the tests of that reader.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

from lookup.secrecy import forbid_core_dumps

with atheris.instrument_imports(include=["loaders"]):
    from fuzz import targets
    from fuzz.seeds import SEEDS

_SECONDS = 60
_LONGEST = 1 << 16  # bytes of an input
_HANG = 20  # seconds for one input
_MEMORY = 1024  # MiB


def main(arguments: list[str]) -> None:
    """Fuzz one target."""
    known: dict[str, Callable[[bytes], None]] = {
        "sql": targets.sql,
        "archive": targets.archive,
        "source": targets.source,
    }
    if not arguments or arguments[0] not in known:
        sys.exit(f"usage: python -m fuzz {'|'.join(known)} [SECONDS]")
    name, seconds = arguments[0], int(arguments[1]) if len(arguments) > 1 else _SECONDS
    forbid_core_dumps()
    with tempfile.TemporaryDirectory() as folder:
        seeds = SEEDS[name]
        print(f"{len(seeds)} seeds", file=sys.stderr)
        for number, seed in enumerate(seeds):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        options = (
            f"-max_total_time={seconds}",
            f"-max_len={_LONGEST}",
            f"-timeout={_HANG}",
            f"-rss_limit_mb={_MEMORY}",
            "-print_final_stats=1",
        )
        atheris.Setup(["fuzz", *options, folder], known[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
