"""The pictures of docs/performance.md, as SVG, drawn by matplotlib: the same bytes every time.

Made to be read at a phone's width and without seeing colours: a series has its own marker and
line, or hatching, and each point its number.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, NullLocator

from bench.results import Result
from bench.scale import SIZES, Size
from tools.performance.values import millions, number

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "qorgan",  # ids are random else
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_WIDTH = 5.0  # inches
_GREY = "#555555"
_LOOKS: tuple[dict[str, Any], ...] = (  # colours of Okabe and Ito, for all eyes
    {"color": "#0072b2", "marker": "o", "linestyle": "-"},
    {"color": "#d55e00", "marker": "s", "linestyle": "--"},
)
_BARS: tuple[dict[str, Any], ...] = (
    {"color": "#0072b2"},
    {"color": "#e69f00", "hatch": "///", "edgecolor": "white"},
)
_BESIDE = 0.4  # of the first series: where the straight line lies, so that both are seen
_AXIS = "identifiers, millions"


@dataclass(frozen=True)
class Picture:
    """A file, and what it shows in words."""

    name: str
    told: str
    svg: bytes


@dataclass(frozen=True)
class _Series:
    """A figure of the sizes that were measured."""

    label: str
    values: dict[str, float]  # by the size's name, the smallest first

    @property
    def places(self) -> list[int]:
        """Of the sizes on their axis."""
        return [list(SIZES).index(name) for name in self.values]


def drawn(results: Mapping[str, Result]) -> Iterator[Picture]:
    """Those of which there is anything to show."""
    with mpl.rc_context(_STYLE):
        for name, told, canvas in (
            ("lookups", "What a range costs", _lookups(results)),
            ("loads", "Seconds to load and to publish", _loads(results)),
            ("store", "The store's bytes for each identifier", _store(results)),
        ):
            if canvas is not None:
                out = io.BytesIO()
                title = f"{told}, by the number of identifiers"
                about = {"Title": title, "Date": None, "Creator": None}
                canvas.savefig(out, format="svg", metadata=about)
                yield Picture(f"{name}.svg", title, out.getvalue())


def _lookups(results: Mapping[str, Result]) -> Canvas | None:
    """How it compares with 1 million's, and what it costs."""
    to_small = _series("", results, "scale/ranges/to-1m").values
    costs = _measured(
        _series("Granian", results, "scale/ranges/granian/cost"),
        _series("gunicorn", results, "scale/ranges/gunicorn/cost"),
    )
    if not costs:
        return None
    canvas = Canvas(figsize=(_WIDTH, 6.8), layout="constrained")
    above, below = canvas.subplots(2)
    _by_size(above, f"{_AXIS} (ranges of about the same bytes)")
    # It is measured how many times as many are answered: each costs the inverse.
    relative = {"1m": 1.0, **{name: 1 / value for name, value in to_small.items()}}
    above.axhline(1, color=_GREY, linestyle=":", linewidth=1)
    _line(above, _Series("", relative), 0, lambda multiple: f"{multiple:.2f}")
    above.set_ylim(0, max(1.5, 1.3 * max(relative.values())))
    above.set_title("cost of a range under Granian, as a multiple\nof its cost at 1 million")
    _by_size(below, f"{_AXIS} (entries in a range)", lambda size: f"\n({_entries(size):,})")
    for place, series in enumerate(costs):
        _line(below, series, place, _three_digits)
    below.set_ylim(0, 1.3 * max(max(series.values.values()) for series in costs))
    below.set_ylabel("microseconds")
    _legend(below, "processor time of a range")
    return canvas


def _loads(results: Mapping[str, Result]) -> Canvas | None:
    """Both axes by powers: what is linear is straight, beside a line that is."""
    both = _measured(
        _series("load", results, "scale/load-seconds"),
        _series("publish", results, "scale/publish"),
    )
    if not both:
        return None
    canvas = Canvas(figsize=(_WIDTH, 4.6), layout="constrained")
    axes = canvas.subplots()
    _by_size(axes, _AXIS)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:,g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    for place, series in enumerate(both):
        _line(axes, series, place, _three_digits)
    name, most = list(both[0].values.items())[-1]
    each = _BESIDE * most / SIZES[name].identifiers
    straight = [each * size.identifiers for size in SIZES.values()]
    axes.plot(straight, color=_GREY, linestyle=":", linewidth=1.5, label="linear")
    axes.margins(y=0.12)
    axes.set_ylabel("seconds")
    _legend(axes, "from a dump to loaded, and to published")
    return canvas


def _store(results: Mapping[str, Result]) -> Canvas | None:
    """What each identifier takes."""
    both = _measured(
        _series("one version stands", results, "scale/store/one-version"),
        _series("two stand", results, "scale/store/two-versions"),
    )
    if not both:
        return None
    canvas = Canvas(figsize=(_WIDTH, 4.0), layout="constrained")
    axes = canvas.subplots()
    _by_size(axes, _AXIS)
    for place, series in enumerate(both):
        beside = [at + 0.4 * place - 0.2 for at in series.places]
        bars = axes.bar(
            beside, list(series.values.values()), 0.38, label=series.label, **_BARS[place]
        )
        axes.bar_label(bars, fmt="{:.1f}", padding=2, fontsize=10)
    axes.margins(y=0.12)
    axes.set_ylabel("bytes")
    _legend(axes, "the store's memory for each identifier")
    return canvas


def _series(label: str, results: Mapping[str, Result], figure: str) -> _Series:
    return _Series(
        label,
        {
            name: number(one)
            for name in SIZES
            if name in results
            for one in results[name].figures
            if one.name == figure
        },
    )


def _measured(*series: _Series) -> Sequence[_Series]:
    return [one for one in series if one.values]


def _entries(size: Size) -> int:
    return size.identifiers >> size.prefix_bits


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _by_size(axes: Axes, label: str, more: Callable[[Size], str] = lambda _: "") -> None:
    """All sizes, also those not measured. Each is four times the one before: one step."""
    axes.set_xticks(range(len(SIZES)), [millions(one) + more(one) for one in SIZES.values()])
    axes.set_xlim(-0.5, len(SIZES) - 0.5)
    axes.set_xlabel(label)


def _line(axes: Axes, series: _Series, place: int, form: Callable[[float], str]) -> None:
    values = list(series.values.values())
    axes.plot(series.places, values, label=series.label, **_LOOKS[place])
    for at, value in zip(series.places, values, strict=True):
        axes.annotate(
            form(value),
            (at, value),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=_LOOKS[place]["color"],
        )


def _legend(axes: Axes, title: str) -> None:
    """Under the title and above the axes, where no point can be."""
    axes.set_title(title, pad=28)
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, borderaxespad=0.2, columnspacing=1.2
    )
