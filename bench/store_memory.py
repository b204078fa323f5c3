"""store/memory: bytes of the store for each loaded identifier.

``used_memory`` of the embedded Valkey less what it was when empty, once its buffers for clients
are gone: after the ledger, and after a publish, with view and filter.
"""

import time
from collections.abc import Iterator

from bench import rows
from bench.figures import Figure, Options, number, say
from bench.scratch import DATASET, Scratch, scratch
from lookup.index import ledger_rows, versions
from lookup.protocol.suite import Lane

STEP = "store_memory"
_ROWS = 1_000_000
_LOOKS = 8  # a quarter of a second apart
_TARGET = 40


def run(options: Options) -> Iterator[Figure]:
    """One load, one publish."""
    count, looks = options.size(_ROWS, 2_000), options.size(_LOOKS, 1)
    say(f"\nstore/memory: {count:,} identifiers in {ledger_rows.shards_for(count):,} sets")
    with scratch() as index:
        empty = used(index, looks)
        rows.fill(index, count)
        with_ledger = used(index, looks)
        rows.publisher(index).publish([DATASET])
        whole = used(index, looks)
        current = versions.read(index.store, Lane.PUBLIC).current
    assert current is not None
    parts = {
        "ledger": with_ledger - empty,
        "view": current.view_bytes,
        "filter": current.filter_bytes,
        "store's own for these two": whole
        - with_ledger
        - current.view_bytes
        - current.filter_bytes,
    }
    for part, size in parts.items():
        say(f"  {part}: {size:,} bytes, {size / count:.2f} an identifier")
    kept = (whole - with_ledger) / count
    say(f"  for an hour after the next publish, the version before it: {kept:.2f} more")
    value = f"{(whole - empty) / count:.1f} bytes"
    yield number("store/memory/identifier", value, f"<= {_TARGET}", STEP)


def used(index: Scratch, looks: int = _LOOKS) -> int:
    """Bytes: the least of some looks: buffers for clients go within a second or two."""
    index.store.redis.connection_pool.disconnect()
    used = []
    for _ in range(looks):
        time.sleep(0.25)
        used.append(int(index.store.redis.info("memory")["used_memory"]))
    return min(used)
