"""The tables of docs/performance.md, as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.figures import Figure
from bench.results import Result
from bench.scale import SIZES
from tools.performance.pictures import Picture
from tools.performance.values import is_met, millions

_NOTHING = "Not measured yet: `make bench-16m` measures, and writes it here."
_INTRODUCTION = """\
Made by `python -m tools.performance` of the files in `docs/performance/`, which `make bench-1m`,
`bench-4m`, `bench-16m` and `bench-64m` write, and not edited by hand. The two sides of a ratio took
turns in one run; what a machine does in a second is its own, so quote the ratios."""
_ROWS = {
    "scale/first-pass": "first pass: rows of the dump read a second",
    "scale/load-seconds": "load, both passes, profile `test`",
    "scale/load": "load, second pass, against the bare cryptography of the cores",
    "scale/publish": "publish: from the ledger to the switched, signed version",
    "scale/publish-memory": "publish: memory beside the store, at most",
    "scale/store/one-version": "store, all that is in it, for each identifier: one version stands",
    "scale/store/two-versions": "the same while two stand",
    "scale/node-ready/first-fetch": "a web node from start to ready: it fetches the version",
    "scale/node-ready/cached": "the same with the version's files there",
    "scale/ranges/granian-to-nginx": "ranges a second, Granian against nginx with them as files",
    "scale/ranges/gunicorn-to-hello": 'ranges a second, gunicorn against a Flask "hello" under it',
    "scale/ranges/granian/p99": "99 % of ranges within, at 80 % of a core's capacity: Granian",
    "scale/ranges/gunicorn/p99": "the same: gunicorn",
    "scale/ranges/granian/cost": "processor time of a range: Granian",
    "scale/ranges/gunicorn/cost": "the same: gunicorn",
    "scale/worker-memory": "a web worker's own memory beyond an empty Flask worker's",
    "scale/ranges/to-1m": "ranges a second against 1 million's, of about the same bytes",
}


def section(results: Mapping[str, Result], pictures: Iterable[Picture]) -> str:
    """All between the markers: sizes beside each other, the pictures, then each run by itself."""
    if not results:
        return _NOTHING
    parts = [_INTRODUCTION]
    sizes = {name: results[name] for name in SIZES if name in results}
    if sizes:
        parts.append("\n".join(_combined(sizes)))
    parts += [f"![{one.told}](performance/{one.name})" for one in pictures]
    for name, result in sizes.items():
        parts.append(_run(f"{millions(SIZES[name])} million identifiers", result))
    parts += [_run(f"Step `{name}`", one) for name, one in results.items() if name not in sizes]
    return "\n\n".join(parts)


def _combined(results: Mapping[str, Result]) -> Iterator[str]:
    """Sizes as columns; a size that was not measured has an empty one."""
    found = {name: {f.name: f for f in result.figures} for name, result in results.items()}
    yield from _head("figure", "target", *(f"{millions(size)} million" for size in SIZES.values()))
    for name, told in _ROWS.items():
        figures = [found.get(size, {}).get(name) for size in SIZES]
        yield _row(told, _target(figures), *(_marked(one) for one in figures))


def _target(figures: Sequence[Figure | None]) -> str:
    """Theirs; with the sizes that have it, where others have none."""
    held = [one.target if one is not None else None for one in figures]
    named: dict[str, list[str]] = {}
    for size, target in zip(SIZES.values(), held, strict=True):
        if target:
            named.setdefault(target, []).append(millions(size))
    if len(named) == 1 and "" not in held:
        return next(iter(named))
    return "; ".join(f"{target} ({', '.join(sizes)} million)" for target, sizes in named.items())


def _marked(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{figure.value}, **missed**" if is_met(figure) is False else figure.value


def _run(title: str, result: Result) -> str:
    """One file: where, when and how, and all its figures."""
    where = result.machine
    versions = ", ".join(f"{name} {version}" for name, version in where.versions.items())
    lines = [
        f"### {title}",
        "",
        f"`{result.command}` took {result.seconds} s on {result.date}, begun at a load average of",
        f"{where.load_average}: {where.model}, {where.cores} cores, {where.system}; {versions}.",
        "",
        *_head("figure", "measured", "target", "met?"),
    ]
    for one in result.figures:
        met = {None: "", True: "yes", False: "**missed**"}[is_met(one)]
        lines.append(_row(f"`{one.name}`", one.value, one.target, met))
    return "\n".join(lines)


def _head(*cells: str) -> Sequence[str]:
    return _row(*cells), _row(*["---"] * len(cells))


def _row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
