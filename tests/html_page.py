"""A page as a browser's parser would see it: elements in their order, with attributes and text."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from werkzeug.test import TestResponse

LANGUAGES = ("kk", "ru", "en")
_VOID = {"br", "hr", "img", "input", "link", "meta"}


@dataclass
class Element:
    """One element; ``text`` is all that is written in it."""

    tag: str
    attributes: dict[str, str]
    written: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text on one line; spaces that do not break stay what they are."""
        return re.sub(r"[ \n]+", " ", "".join(self.written)).strip()


class Page(HTMLParser):
    """A document whose tags are all closed, in the order in which they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        assert text.startswith("<!doctype html>\n")
        self.feed(text)
        self.close()
        assert [] == self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} is there twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open.pop().tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.written.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of this tag that have these attributes."""
        return [
            element
            for element in self.elements
            if element.tag == tag and attributes.items() <= element.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def texts(self, tag: str) -> list[str]:
        """The texts of all elements of this tag."""
        return [element.text for element in self.all(tag)]

    @property
    def definitions(self) -> dict[str, str]:
        """What the page's only list of terms says of each."""
        return dict(zip(self.texts("dt"), self.texts("dd"), strict=True))


def page(response: TestResponse, status: int = 200) -> Page:
    """The page of an answer that is one."""
    assert status == response.status_code
    assert "text/html; charset=utf-8" == response.content_type
    return Page(response.text)


def varies_by(response: TestResponse) -> set[str]:
    """The request headers that an answer says it depends on."""
    return {name.strip() for name in response.headers.get("Vary", "").split(",") if name.strip()}


def headers(response: TestResponse) -> dict[str, str]:
    """The headers of an answer but for the second in which it was given."""
    return {name: value for name, value in response.headers.items() if name != "Date"}
