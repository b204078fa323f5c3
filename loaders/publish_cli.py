"""``qorgan publish``: finished loads into the answers, after a person has confirmed their lane."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from loaders.terminal import json_option, note
from lookup.protocol.suite import Lane
from lookup.settings import Settings

if TYPE_CHECKING:
    from loaders.recording import Recorder

_PUBLISHED = ("lane", "version", "datasets", "identifiers", "changed")


def _rate(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is None or 1e-9 <= value <= 0.1:  # not a FloatRange: that lets NaN through
        return value
    raise click.BadParameter("a rate is from 1e-9 to 0.1")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--false-positives",
    "error_rate",
    type=float,
    callback=_rate,
    metavar="RATE",
    help="How often the filter takes a stranger for a member; kept from then on (first: 0.0001).",
)
@click.option("--yes", is_flag=True, help="Do not ask to confirm the lane of a new dataset.")
@json_option
def publish(names: tuple[str, ...], *, error_rate: float | None, yes: bool, as_json: bool) -> None:
    """Make the finished loads of these datasets visible, beside what is visible already.

    A dataset's lane cannot be changed once it was published: on a terminal you are asked.
    """
    from loaders import report
    from loaders.notices_cli import note_told, teller
    from loaders.opened import loader
    from loaders.publish import Published, Publisher, wanted
    from loaders.recording import Recorder

    chosen = Settings.from_env()
    with loader(chosen) as opened:
        publisher = Publisher(
            opened.store, opened.definition, opened.keys, opened.progress, error_rate
        )
        recorder = Recorder(opened.store, chosen.keys)
        unfinished = publisher.unfinished(names)
        _confirm(recorder, names, yes=yes)
        apps = teller(opened, chosen)
        for lane in wanted(opened.store, names):
            apps.before_publish(lane)
        published: list[Published] = []

        def tell(done: Published) -> None:
            published.append(done)
            recorder.published(done)
            note_told(apps.tell(Lane(done.lane)))

        try:
            publisher.publish(names, tell=tell)
        finally:  # a lane that was switched is told, also if the next one fails
            rows = [asdict(one) for one in published]
            if rows:
                report.show(rows, _PUBLISHED, as_json=as_json)
    if unfinished:
        note(f"left out, because not finished: {unfinished} loads; run their commands again")


def _confirm(recorder: "Recorder", names: tuple[str, ...], *, yes: bool) -> None:
    """Before the first of several lanes is switched: other eyes, and the lanes of new datasets."""
    from loaders import operator as operators
    from loaders.publish import wanted
    from lookup.index import register, versions
    from lookup.protocol import parameters

    visible: set[str] = set()
    for lane, loads in wanted(recorder.store, names).items():
        before = versions.read(recorder.store, lane).current
        added = set(loads) - set(before.loads if before else ())
        operators.refuse_same_hands(recorder.store, recorder.operator, sorted(added))
        if before:
            visible |= {d.name for d in parameters.parse(before.document.encode()).datasets}
    for name in names:
        if name not in visible:
            operators.confirm_lane(register.get(recorder.store, name)[1], assume_yes=yes)
