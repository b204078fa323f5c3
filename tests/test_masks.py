"""What is shown of a cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.masks import mask

SHOWN = (
    ("Иванов Иван Ильич", "Жжжжж Жжжжж Жжжжж"),
    ("Ли", "Жж"),
    ("Әсел", "Жжжжж"),
    ("Нурмагамбетова", "Жжжжжжжжж"),
    ("иВАНОВ", "жЖЖЖЖ"),
    ("950515390002", "############"),
    ("+7 701 123-45-67", "+# ### ###-##-##"),
    ("ann.lee@example.com", "xx.xx@xxxxx.xx"),
    ("a\x1b[31m\rb", "xx??##xx?xx"),
    ("李", "??"),
    ("", ""),
)


@pytest.mark.parametrize(("cell", "masked"), SHOWN)
def test_shape_without_letters_or_digits(cell: str, masked: str) -> None:
    """Script, case and a rough length remain; control characters do not."""
    assert masked == mask(cell)


@given(st.text(max_size=300))
def test_nothing_of_a_cell_is_left(cell: str) -> None:
    """Only the mask's own letters and punctuation, at most forty characters."""
    assert set(mask(cell)) <= set("жЖxX#? .,;:@-+()/_'\"№")
    assert len(mask(cell)) <= 40
