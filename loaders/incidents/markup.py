"""The text of a piece of HTML, without its mark-up."""

from html.parser import HTMLParser

from loaders.incidents import plain_text

# Python 3.11's parser takes time by marks times letters, 0.2 s at these; real texts have 3,000.
_LONGEST, _MOST_MARKS = 10_000, 300

_BREAKS = frozenset(("p", "br", "li", "ul", "ol", "div", "tr", "h1", "h2", "h3", "h4"))
_UNSEEN = frozenset(("script", "style"))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._unseen += tag in _UNSEEN
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def text(html: str) -> str | None:
    """What a reader of the page would see; None where it is too long or no HTML at all."""
    if len(html) > _LONGEST or html.count("<") > _MOST_MARKS:
        return None
    parser = _Text()
    try:
        parser.feed(html)
        parser.close()
    except AssertionError:  # what Python 3.11 makes of an unknown "<![" section
        return None
    return plain_text.lines("".join(parser.parts))
