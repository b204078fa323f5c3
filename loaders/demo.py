"""``qorgan demo``: a small index of synthetic people, made once and then served.

Three datasets of the same synthetic people: 100,000 by IIN; 30,000 of them by IIN and phone;
10,000 in a sensitive one. A second run goes on where the first one stopped.
"""

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from loaders import serve
from loaders.formats import open_source
from loaders.load import Request
from loaders.opened import loader
from loaders.publish import Publisher
from loaders.recording import Recorder
from loaders.synth import people, write_dump
from lookup import keys
from lookup.errors import Code, InputError
from lookup.index import definition, register, store
from lookup.index.dataset import Dataset, parse
from lookup.protocol.suite import Kind
from lookup.settings import Settings

_SEED = 2025
_FIELDS = {
    "full_name": "names",
    "birth_date": "dates-of-birth",
    "phone": "phone-numbers",
    "email": "email-addresses",
    "address": "physical-addresses",
}


@dataclass(frozen=True)
class _Dump:
    """One dataset of the demo: its register entry, how many people, what it is loaded by."""

    entry: dict[str, object]
    people: int
    kinds: tuple[Kind, ...]
    fields: tuple[str, ...]


def _title(kk: str, ru: str, en: str) -> dict[str, str]:
    return {"kk": kk, "ru": ru, "en": en}


_DUMPS = (
    _Dump(
        {
            "name": "demo-citizens",
            "sensitive": False,
            "title": _title(
                "Ойдан шығарылған азаматтар", "Вымышленные граждане", "Invented: citizens"
            ),
            "breach_date": "2025-06",
            "data_classes": [
                "government-issued-ids",
                "names",
                "dates-of-birth",
                "physical-addresses",
            ],
        },
        100_000,
        (Kind.IIN,),
        ("full_name", "birth_date", "address"),
    ),
    _Dump(
        {
            "name": "demo-shop",
            "sensitive": False,
            "title": _title("Ойдан шығарылған дүкен", "Вымышленный магазин", "Invented: shop"),
            "breach_date": "2023-10-08",
            "data_classes": ["government-issued-ids", "phone-numbers", "names", "email-addresses"],
        },
        30_000,
        (Kind.IIN, Kind.PHONE),
        ("full_name", "email"),
    ),
    _Dump(
        {
            "name": "demo-clinic",
            "sensitive": True,
            "title": _title(
                "Ойдан шығарылған емхана", "Вымышленная поликлиника", "Invented: clinic"
            ),
            "breach_date": "2023-05-21",
            "data_classes": ["government-issued-ids", "names", "health"],
        },
        10_000,
        (Kind.IIN,),
        ("full_name",),
    ),
)
_CLEAN = 200_000  # the first person who is in none of the dumps


def run(settings: Settings) -> NoReturn:
    """Make what is missing, say how to ask, and serve.

    Raises:
        QorganError: as init, load, publish and serve do.
    """
    serve.refuse_taken(settings)
    summary = settings.data / "demo.json"
    if not summary.exists():
        _refuse_own_index(settings)
        _make(settings)
    with store.opened(settings) as opened:
        publisher_key = definition.read(opened).publisher_key
    url = f"http://{settings.host}:{settings.port}"
    found, clean = next(people(_SEED)).iin, next(people(_SEED, _CLEAN)).iin
    document = {"url": url, "found": found, "clean": clean, "publisher_key": publisher_key}
    draft = summary.with_suffix(".draft")
    draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draft.replace(summary)
    _tell(document)
    serve.serve(settings)


def _refuse_own_index(settings: Settings) -> None:
    """Synthetic people must not get into an index of somebody's own.

    Raises:
        InputError: BAD_SETTING, there is one that no demo began.
    """
    begun = settings.data / "demo.begun"
    if begun.exists() or settings.redis_url is not None:
        return
    with store.opened(settings) as opened:
        if definition.exists(opened):
            raise InputError(
                Code.BAD_SETTING,
                "this folder has an index of yours; set QORGAN_DATA to an empty folder",
            )
    begun.touch()


def _make(settings: Settings) -> None:
    if settings.redis_url is not None:
        raise InputError(
            Code.BAD_SETTING,
            "the demo only makes its index in the embedded store; unset QORGAN_REDIS_URL",
        )
    with ExitStack() as held:
        # Held over all steps, so that the embedded server starts once and not for each of them.
        opened = held.enter_context(store.opened(settings))
        recorder = Recorder(opened, settings.keys, tell=lambda _: None)  # heads of a demo: noise
        if not definition.exists(opened):
            keys.create(settings.keys)
            definition.create(opened, keys.loader_keys(settings.keys), "standard", 12)
        recorder.index_made(definition.read(opened))
        for dump in _DUMPS:
            entry = parse(dump.entry)
            register.add(opened, entry)
            recorder.entered(entry)
            recorder.loaded(_load(settings, dump, entry))
        with loader(settings) as ready:
            _say("publishing")
            publisher = Publisher(ready.store, ready.definition, ready.keys, ready.progress)
            names = [str(dump.entry["name"]) for dump in _DUMPS]
            publisher.publish(names, tell=recorder.published)


def _load(settings: Settings, dump: _Dump, entry: Dataset) -> str:
    """The load's certificate."""
    _say(f"loading {entry.name}: {dump.people:,} synthetic people")
    path = settings.data / "dumps" / f"{entry.name}.csv"
    _write(path, dump.people)
    request = Request(
        entry.name,
        {kind: kind.value for kind in dump.kinds},
        tuple((column, _FIELDS[column]) for column in dump.fields),
    )
    with open_source(path) as source, loader(settings) as ready:
        return ready.load(source, request)[0]


def _write(path: Path, count: int) -> None:
    """The dump, whole or not at all."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8", newline="") as out:
        write_dump(out, count, _SEED)
    draft.replace(path)


def _tell(document: dict[str, str]) -> None:
    program = _short(Path(sys.executable).with_name("qorgan"))
    ask = f"{program} check --server {document['url']} --publisher-key {document['publisher_key']}"
    click.echo(
        f"\nin a leak:      echo {document['found']} | {ask}\n"
        f"in none:        echo {document['clean']} | {ask}\n"
        f"\nserving on {document['url']} (Ctrl-C stops web server and store)\n"
    )


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _say(text: str) -> None:
    click.echo(text, err=True)
