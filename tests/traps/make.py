"""Write the dumps of all traps: ``cd tests && python -m traps.make``.

A trap is a small dump that a loader could trip over; its module says what is odd about it and who
must be found in it. ``dumps/`` has their bytes, ``expected/`` all that ``qorgan load`` says; what
is missing there, ``tests/test_traps.py`` writes, for a person to read before it is committed.
What other versions of a library pack into other bytes is written only where it is missing.
"""

from pathlib import Path

from traps import cell_traps, packed_traps, table_traps, text_traps

TRAPS = (*text_traps.TRAPS, *cell_traps.TRAPS, *table_traps.TRAPS, *packed_traps.TRAPS)
DUMPS = Path(__file__).parent / "dumps"
EXPECTED = Path(__file__).parent / "expected"


def main() -> None:
    """Write what differs."""
    DUMPS.mkdir(exist_ok=True)
    for trap in TRAPS:
        path = DUMPS / trap.file
        if not trap.is_made and (trap.is_same_everywhere or not path.exists()):
            path.write_bytes(trap.content)


if __name__ == "__main__":
    main()
