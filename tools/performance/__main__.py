"""The program: read what was measured, write the document's part and its pictures."""

import sys
from pathlib import Path

from bench import results
from bench.results import ResultError
from tools.performance import pictures, tables

_DOCS = results.FOLDER.parent
_BEGIN, _END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def main(arguments: list[str], docs: Path = _DOCS) -> int:
    """0: all is written or, with ``--check``, up to date; 1: it is not, or cannot be made."""
    if set(arguments) - {"--check"}:
        _say("usage: python -m tools.performance [--check]")
        return 2
    try:
        changed = _changed(docs)
    except ResultError as error:
        _say(f"performance: {error}")
        return 1
    for path, content in changed.items():
        if "--check" in arguments:
            _say(f"{path.name} is out of date; run: python -m tools.performance")
        elif content is None:
            path.unlink()
        else:
            path.write_bytes(content)
    return 1 if changed and "--check" in arguments else 0


def _changed(docs: Path) -> dict[Path, bytes | None]:
    """All files that are not as they should be, with what they should have; None: be gone."""
    folder, page = docs / "performance", docs / "performance.md"
    found = {path.stem: results.read(path) for path in sorted(folder.glob("*.json"))}
    made = list(pictures.drawn(found))
    wanted: dict[Path, bytes | None] = dict.fromkeys(folder.glob("*.svg"))
    wanted |= {folder / one.name: one.svg for one in made}
    wanted[page] = _page(page.read_text(encoding="utf-8"), tables.section(found, made)).encode()
    return {path: content for path, content in wanted.items() if _content(path) != content}


def _page(text: str, section: str) -> str:
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ResultError("docs/performance.md lacks the lines between which to write; restore it")
    return f"{before}{begin}\n{section}\n\n{end}{after}"


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
