"""Datasets by their number of identifiers, as bars: for a terminal, or as an SVG file."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from loaders.stats import DatasetStats
from lookup.errors import Code, InputError

_BAR = 400  # pixels, or
_CELLS = 40  # characters, of the longest
_LINE = 28  # pixels from one bar to the next
_NAMES = 220  # pixels for the names
_WIDTH = _NAMES + _BAR + 140
_COLOURS = {True: "#0b6e75", False: "#9aa5ab"}  # published or not

_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" \
width="{width}" height="{height}" role="img" font-family="sans-serif" font-size="13">
<title>Identifiers by dataset</title>
<rect width="100%" height="100%" fill="#ffffff"/>
{bars}
<text x="10" y="{foot}" fill="#444444">teal: published; grey: not published</text>
</svg>
"""
_ROW = """<text x="{name_x}" y="{text_y}" text-anchor="end">{name}</text>
<rect x="{bar_x}" y="{y}" width="{length}" height="16" fill="{colour}"/>
<text x="{number_x}" y="{text_y}">{number}</text>"""


def terminal(stats: Sequence[DatasetStats]) -> list[str]:
    """A line for each dataset; lighter ones are not published."""
    most = max((each.identifiers for each in stats), default=0)
    width = max((len(each.dataset) for each in stats), default=0)
    return [
        f"{each.dataset:<{width}} {('█' if each.published else '░') * _length(each, most, _CELLS)} "
        f"{each.identifiers:,}"
        for each in stats
    ]


def svg(stats: Sequence[DatasetStats]) -> str:
    """The text of an SVG file."""
    most = max((each.identifiers for each in stats), default=0)
    bars = "\n".join(_row(each, most, number) for number, each in enumerate(stats))
    height = 20 + _LINE * len(stats) + 30
    return _SVG.format(width=_WIDTH, height=height, bars=bars, foot=height - 12)


def write(path: Path, stats: Sequence[DatasetStats]) -> None:
    """Write the SVG file.

    Raises:
        InputError: BAD_FILE, it cannot be written.
    """
    try:
        path.write_text(svg(stats), encoding="utf-8")
    except OSError:
        raise InputError(
            Code.BAD_FILE, "the picture cannot be written; check the folder and the disk"
        ) from None


def _row(each: DatasetStats, most: int, number: int) -> str:
    y = 20 + _LINE * number
    length = _length(each, most, _BAR)
    return _ROW.format(
        name_x=_NAMES - 10,
        text_y=y + 13,
        name=escape(each.dataset),
        bar_x=_NAMES,
        y=y,
        length=length,
        colour=_COLOURS[each.published],
        number_x=_NAMES + length + 8,
        number=f"{each.identifiers:,}",
    )


def _length(each: DatasetStats, most: int, longest: int) -> int:
    """At least 1 for whatever is not nothing."""
    return -(-longest * each.identifiers // most) if most else 0
