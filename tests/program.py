"""The command in this process, through the same function as the program, on a real Valkey."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from small_index import iins

from loaders import cli
from lookup.index import audit
from lookup.index.embedded import EmbeddedStore
from lookup.index.store import Store

(IIN,) = iins(1)
DATASET = """name = "one"
sensitive = false
title = {kk = "k", ru = "r", en = "e"}
breach_date = 2025-06-16
data_classes = ["names", "government-issued-ids"]
"""
DUMP = f"iin;full name\n{IIN};Ann\n"
ONE_OF_EACH = (
    ("init",),
    ("dataset", "list"),
    ("load", "dump.csv", "--dataset", "one", "--iin", "iin"),
    ("publish", "one"),
)


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """Standard error without the audit trail's head, which is told after every record."""
        return re.sub(r"note: audit head [0-9a-f]{64}\n", "", self.err)


@dataclass(frozen=True)
class Program:
    """The command in this process, with a folder of its own."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path, **environ: str) -> Said:
        with self.patch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["qorgan", *map(str, arguments)])
            code = cli._run()
        said = self.capture.readouterr()
        return Said(code, said.out, said.err)

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


def program(
    folder: Path,
    valkey: EmbeddedStore,
    patch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[str],
) -> Program:
    """The command in a folder where dump.csv lies, with this store."""
    for name in [name for name in os.environ if name.startswith("QORGAN_")]:
        patch.delenv(name)
    patch.setenv("QORGAN_DATA", str(folder / "data"))
    patch.setenv("QORGAN_REDIS_URL", f"unix://{valkey.socket}")
    patch.setenv("QORGAN_WORKERS", "1")
    patch.chdir(folder)
    made = Program(folder, patch, capture)
    made.write("dump.csv", DUMP)
    return made


def recorded(store: Store) -> str:
    """What a command that added a record notes."""
    return f"note: audit head {audit.read(store).head}\n"


def refused(sentence: str, code: int = 2) -> Said:
    """What a refusal looks like: one sentence on standard error, nothing on standard output."""
    return Said(code, "", f"qorgan: {sentence}\n")
