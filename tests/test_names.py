"""Names are shown so that they can be typed, and hold nobody's number or address."""

import pytest

from loaders.names import folded, shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("full_name", "full_name"),
        (" \u200bИИН\n номер\u00a0\u202e ", "ИИН номер"),
        ("\x1b[31mname\x07", "[31mname"),
        ("900101300017.csv", "############.csv"),
        ("x" * 32 + "900101300017", "x" * 32 + "########"),
        ("mail/ann@example.com/in.csv", "mail/.../in.csv"),
        ("x" * 36 + "ann@example.com", "..."),
        ("tel 8 char 40", "tel 8 char 40"),
        ("\u200b", ""),
    ],
)
def test_a_name_as_it_is_shown(name: str, expected: str) -> None:
    """Also where it is cut amid a number or address."""
    assert expected == shown(name)


def test_a_name_as_it_is_compared() -> None:
    """What is shown of a name finds it again."""
    name = " \u200bИИН\n Номер\ufeff"
    assert "иин номер" == folded(name) == folded(shown(name))
