"""What a trap is, and the people of nobody who stand in all of them."""

from dataclasses import dataclass

from lookup.protocol.identifiers import iin_check_digit

# Letters for the data classes of the dataset that traps are loaded into, in its order.
CLASSES = {
    "n": "names",
    "i": "government-issued-ids",
    "p": "phone-numbers",
    "e": "email-addresses",
}


@dataclass(frozen=True)
class Trap:
    """A dump that a loader could trip over.

    Attributes:
        file: the dump's name, and the trap's.
        says: what is odd about it.
        content: its bytes.
        words: what is given to ``qorgan load`` after the file and the dataset.
        people: everyone who must be found, and nobody else: identifier → letters of ``CLASSES``.
        is_made: it is too large to be committed, and is made when it is tested.
        is_same_everywhere: the script makes the same bytes with every version of its libraries.
        is_piped: it is given on standard input.
        is_suggested: what ``qorgan inspect`` suggests for it loads the same.
    """

    file: str
    says: str
    content: bytes
    people: dict[str, str]
    words: str = "--iin iin"
    is_made: bool = False
    is_same_everywhere: bool = True
    is_piped: bool = False
    is_suggested: bool = True


def person(born: str, seventh: int, first: int = 9000) -> str:
    """The first valid IIN of this birth date (yymmdd), 7th digit and a serial from this one on."""
    found = (f"{born}{seventh}{serial:04d}" for serial in range(first, 10_000))
    return next(f"{n}{check}" for n in found if (check := iin_check_digit(n)) is not None)


# Born in the last century: no zeros to lose. Z: born in this one, Z[0] with three zeros.
P = tuple(person(f"{60 + 3 * n}0{1 + n % 9}1{n % 10}", 3 + n % 2) for n in range(12))
Z = tuple(person(f"{n:02d}0{1 + n}2{n}", 5 + n % 2) for n in range(8))
NAMES = tuple(f"Маркеров {name}" for name in ("Аян", "Ержан", "Нұрлан", "Данияр", "Тимур"))
MARKS = ("аркер", "әркер", "arker")  # a piece of each name and address, in lower case


def phone(number: int) -> str:
    """A phone number of nobody, in its one form."""
    return f"+7701000{number:04d}"


def email(number: int) -> str:
    """An address of nobody."""
    return f"marker{number}@example.com"


def lines(*rows: str, end: str = "\n") -> str:
    """Rows as a text, with a line end after each."""
    return "".join(f"{row}{end}" for row in rows)


def all_of(letters: str, *identifiers: str) -> dict[str, str]:
    """People who have the same data classes."""
    return dict.fromkeys(identifiers, letters)
