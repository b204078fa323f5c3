"""An inspection as tables for a person; what it is made from is what ``--json`` prints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DELIMITERS = {"\t": "tab", "": "none", " ": "space"}


def text(told: Mapping[str, Any]) -> str:
    """All of it, without a line end at the end."""
    parts = [
        _pairs(_file(told)),
        _table(("encoding", "column names", "a cell", "letters"), _encodings(told)),
        _table(
            ("", "column", "holds", "data class", "known by", "filled", "valid", ""),
            _columns(told),
        ),
        _pairs(_load(told)),
        _pairs([("command", told["command"])] if told["command"] else []),
    ]
    return "\n\n".join(part for part in parts if part)


def duration(seconds: float) -> str:
    """About how long: 2 h 10 min."""
    if seconds < 1:
        return "under a second"
    if seconds < 2 * _MINUTE:
        return f"about {seconds:.0f} s"
    if seconds < _HOUR:
        return f"about {seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        minutes = round(seconds / _MINUTE / 10) * 10
        return f"about {minutes // 60} h {minutes % 60} min"
    return f"about {seconds / _DAY:.0f} days"


def _file(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    file, rows = told["file"], told["rows"]
    yield "format", file["format"] + (f" in {file['packing']}" if file["packing"] else "")
    if file["part"]:
        yield "part", file["part"]
    if file["encoding"]:
        yield "encoding", file["encoding"] + (" (not certain)" if file["encodings"] else "")
    if file["delimiter"] is not None:
        yield "delimiter", _DELIMITERS.get(file["delimiter"], file["delimiter"])
    share = "" if rows["share"] is None else f", about {rows['share']:.1%} of the file"
    yield "rows", f"{rows['read']:,}" + ("" if rows["whole"] else f", the first ones{share}")
    if told["looked_at"] < rows["read"]:
        yield "looked at", f"{told['looked_at']:,} rows, for the shares below"


def _encodings(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            each["encoding"],
            each["names"],
            each["example"],
            ", ".join(f"{letter} {count:,}" for letter, count in each["letters"].items()),
        )
        for each in told["file"]["encodings"]
    ]


def _columns(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            str(column["number"]),
            column["name"],
            column["holds"] or "",
            column["data_class"] or "",
            column["known_by"] or "",
            f"{column['filled']:.1%}",
            "" if column["valid"] is None else f"{column['valid']:.1%}",
            ", ".join(_remarks(column)),
        )
        for column in told["columns"]
    ]


def _remarks(column: Mapping[str, Any]) -> Iterator[str]:
    if column["lost_zeros"]:
        yield f"{column['lost_zeros']:.1%} lost their zeros"
    if column["rounded"]:
        yield f"{column['rounded']:.1%} rounded, lost for good"
    if column["bins"]:
        yield f"{column['bins']:.1%} are BINs"


def _load(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not told["identifiers"]:
        return
    rows, iins = told["rows"], told["iins"]
    kinds = ", ".join(f"{count:,} by {kind}" for kind, count in told["identifiers"].items())
    yield "people", f"about {told['people']:,} (distinct: {kinds})"
    yield (
        "a load",
        f"{rows['accepted']:,} accepted, {rows['duplicates']:,} duplicates, "
        + (f"{rows['rejected']:,} rejected" + _reasons(told["rejected"])),
    )
    if told["cells"]:
        yield "bad cells", _reasons(told["cells"]).strip(" ()")
    if told["restored"]:
        yield "restored", _reasons(told["restored"]).strip(" ()")
    if iins is not None:
        yield (
            "birth dates",
            (
                f"{iins['plausible']:.1%} plausible, {iins['old']:.1%} of more than 105 years ago, "
                f"at most {iins['most_on_a_day']:,} people on a day (1 January left out)"
            ),
        )
        yield (
            "serials",
            (
                f"at most {iins['most_serials']:,} of the 10,000 of a birth date and 7th digit; "
                f"{iins['neighbours']:.1%} of the rows have the next IIN below them"
            ),
        )
    yield from _index(told["index"])
    yield "data classes", ", ".join(told["data_classes"])


def _index(index: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if index["unknown"]:
        yield "index", index["unknown"]
        return
    for each in index["overlaps"]:
        share = each["found"] / each["looked_for"] if each["looked_for"] else 0
        yield (
            f"in {each['dataset']}",
            f"{share:.1%} already ({each['found']:,} of {each['looked_for']:,} looked for)",
        )
    if not index["overlaps"]:
        yield "index", "nothing is loaded by such identifiers yet"
    workers = f"{index['workers']} worker" + ("s" if index["workers"] > 1 else "")
    time = "unknown: look at the whole file"
    if index["load_seconds"] is not None:
        time = f"{duration(index['load_seconds'])} of hashing here, by {workers}"
    yield "time", f"{time} (profile {index['profile']})"


def _reasons(counts: Mapping[str, int]) -> str:
    told = ", ".join(f"{reason} {count:,}" for reason, count in counts.items())
    return f" ({told})" if told else ""


def _pairs(pairs: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    rows = list(pairs)
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as ``loaders.report`` shows one; cells are text, whatever is in them."""
    if not rows:
        return ""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(soft_wrap=True, width=400)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
