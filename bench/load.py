"""load/throughput: a real load's second pass, held against nothing but its cryptography.

A: ``Loader.load`` of a synthetic dump into an embedded Valkey that writes to the disk, with a pool
of as many workers as processors. Its second pass (derive, seal, ledger, checkpoints) is what
counts, from when all workers are there to the last checkpoint.

B: the same identifiers in as many processes, each of which only calls Argon2id and the OPRF.

The two take turns of a second (``bench.turns``).
"""

from collections.abc import Iterator

from bench.figures import Figure, Options, ratio, say
from bench.turns import Side, alternate

STEP = "load"
_IDENTIFIERS = {"test": 200_000, "standard": 36_000}  # 12 s of each side on two processors
_TARGET = 0.9
_TURN = 1.0  # seconds


def run(options: Options) -> Iterator[Figure]:
    """Both profiles."""
    for profile, full in _IDENTIFIERS.items():
        yield _profile(profile, options.size(full, 200), 0.1 if options.quick else _TURN)


def _profile(profile: str, count: int, turn: float) -> Figure:
    name = f"load/throughput/{profile}"
    say(f"\n{name}: {count:,} identifiers")
    with (
        Side.start("bench.load_sides", "load", profile, str(count)) as load,
        Side.start("bench.load_sides", "bare", profile, str(count)) as bare,
    ):
        alternate(load, bare, turn)
        loaded, loops = load.result(), bare.result()
    count = loaded["count"]
    took, first, whole = (load.seconds(*loaded[part]) for part in ("hashing", "reading", "whole"))
    rate, load_cpu = count / took, loaded["cpu"] / count
    rates = [loop["count"] / bare.seconds(loop["begin"], loop["end"]) for loop in loops]
    bare_cpu = sum(loop["cpu"] for loop in loops) / sum(loop["count"] for loop in loops)
    say(
        f"  load: second pass {took:.2f} s in {len(load.turns)} turns, {rate:,.0f}/s, "
        f"{load_cpu * 1e6:.1f} us of processor time each (workers, loader and server); "
        f"first pass {first:.2f} s; whole load with the pool's start {whole:.2f} s, "
        f"{count / whole:,.0f}/s"
    )
    say(
        f"  bare: {' + '.join(f'{r:,.0f}' for r in rates)} = {sum(rates):,.0f}/s, "
        f"{bare_cpu * 1e6:.1f} us of processor time each"
    )
    say(f"  by processor time alone the ratio would be {bare_cpu / load_cpu:.3f}")
    return ratio(name, rate / sum(rates), f">= {_TARGET}", STEP)
