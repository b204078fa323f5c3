"""What a spreadsheet's reader gathers: the cells of a row, and the rows that hold anything."""

from loaders.nested import MAX_COLUMNS

MAX_ROW = 1 << 20  # characters of all cells of a row
MOST_ROWS = 1 << 20  # of a sheet; no spreadsheet program has more

# A row, and how often it stands there; None for one that is too long.
Repeated = tuple[list[str] | None, int]


class CellRows:
    """Rows as they are gathered; take them with ``take``."""

    def __init__(self) -> None:
        self._rows: list[Repeated] = []
        self._cells: list[str] = []
        self._room = MAX_ROW

    def put(self, column: int, text: str) -> None:
        """A cell of the current row; empty ones and those beyond ``MAX_COLUMNS`` are not kept."""
        if not text or column >= MAX_COLUMNS:
            return
        self._room -= len(text)
        if self._room < 0:
            return
        if column >= len(self._cells):
            self._cells += [""] * (column + 1 - len(self._cells))
        self._cells[column] = text

    def end_row(self, times: int = 1) -> None:
        """The row is complete; a blank one is none."""
        if self._room < 0:
            self._rows.append((None, times))
        elif self._cells and not all(map(str.isspace, filter(None, self._cells))):
            self._rows.append((self._cells, times))
        self._cells, self._room = [], MAX_ROW

    def take(self) -> list[Repeated]:
        """The rows since the last time."""
        rows, self._rows = self._rows, []
        return rows
