"""An installation that serves the site over two small leaks and a sensitive one.

Nobody in it exists.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import Installation, Served
from web_index import IINS

# LEAKED is in "shop" with a name and in "citizens" with an address too; IN_ONE is in "shop" only,
# with a phone and an e-mail address.
LEAKED, IN_ONE, CLEAN, SENSITIVE = IINS[0], IINS[1], IINS[20], IINS[30]
PHONE, EMAIL = "+77010001122", "aigerim@example.kz"
_ROWS = (
    f"{LEAKED};Айгерим;;;\n{IN_ONE};;{PHONE};{EMAIL};\n" + f"{IINS[2]};Нурлан;;;Алматы\n",
    f"{LEAKED};Айгерим;;;Астана\n{IINS[3]};;;;Шымкент\n",
    f"{SENSITIVE};Данияр;;;\n",
)
_CLASSES = (
    "government-issued-ids",
    "names",
    "phone-numbers",
    "email-addresses",
    "physical-addresses",
)
# What the register tells of "citizens", hostile in places: all of it is shown as text.
TOLD = """
name = "citizens"
sensitive = false
title = {kk = "citizens kk", ru = "citizens ru", en = "citizens en <img src=x onerror=alert(1)>"}
breach_date = "2024-12"
breach_date_at_latest = true
public_on = 2025-01-31
status = "claimed"
data_classes = [
  "government-issued-ids", "names", "phone-numbers", "email-addresses", "physical-addresses"
]

[[organisations]]
name = "A <b>shop</b>"
role = "operator"

[[organisations]]
name = "A bank"
role = "suspected"

[[organisations]]
name = "A clerk"
role = "processor"

[[proceedings]]
what = {kk = "Айыппұл", ru = "Штраф", en = "Fine"}
amount = 1234567.5
currency = "KZT"
date = 2025-09-01

[[proceedings]]
what = "inquiry"
"""
_COLUMNS = ("--iin", "iin", "--phone", "phone", "--email", "email")
_FIELDS = ("--field", "name=names", "--field", "address=physical-addresses")


@contextmanager
def serving(
    made: Installation, folder: Path, *arguments: str, **environ: str
) -> Iterator[tuple[Served, Installation]]:
    """The site, until the block ends; ``made`` is the fixture ``published_site``."""
    installation = made.copy(folder)
    with installation.served(*arguments, **{"QORGAN_WORKERS": "1"} | environ) as served:
        yield served, installation


def published(folder: Path) -> Installation:
    """Datasets "shop", "citizens" and, in the verified lane, "clinic"."""
    made = Installation(folder / "data")
    made.qorgan("init", "--argon2", "test", "--prefix-bits", "12")
    for name, rows in zip(("shop", "citizens", "clinic"), _ROWS, strict=True):
        if name == "citizens":
            (folder / "told.toml").write_text(TOLD, encoding="utf-8")
            made.qorgan("dataset", "add", folder / "told.toml")
        else:
            made.dataset(name, classes=_CLASSES, sensitive=name == "clinic")
        dump = folder / f"{name}.csv"
        dump.write_text(f"iin;name;phone;email;address\n{rows}", encoding="utf-8")
        made.qorgan("load", dump, "--dataset", name, *_COLUMNS, *_FIELDS)
    made.qorgan("publish", "shop", "citizens", "clinic")
    return made
