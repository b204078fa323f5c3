"""Who the synthetic people of a seed are, as numbers: birth, sex, IIN, and which words they have.

Drawn in blocks, so that memory is bounded and any block can be made without those before it. All
IINs of one seed are different by construction: people are dealt out as decks of cards, a card for
each (birth date, sex) as often as the age pyramid has it, and every deck takes the next serials
from 9999 downwards. Only the raw bits of PCG64, which NumPy keeps stable, and integer arithmetic
go in, so that a seed gives the same people on every machine and NumPy version.

`loaders.synth` makes text of it; this module knows no text but the words' numbers.
"""

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from loaders import synth_names as words

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

BLOCK = 65_536  # people who share one random generator
DECK = 10 * BLOCK  # about ten people for each (birth date, sex)
LAYERS = 195  # decks; more would need a phone number twice
PEOPLE_MAX = LAYERS * DECK  # 127,795,200; their serials stay above 6400

# Thousands of living people in each five birth years from 1935, roughly Kazakhstan in 2025.
FIRST_DAY, END_DAY = "1935-01-01", "2026-01-01"
PYRAMID = (
    *(130, 230, 250, 520, 800, 1000, 1050, 1100, 1200, 1350),
    *(1600, 1550, 1250, 1250, 1500, 1850, 1980, 2000, 1900),
)

# Mobile codes in everyday use, of which every number is valid.
MOBILE = (700, 701, 702, 705, 706, 707, 708, 747, 771, 775, 776, 777, 778)
PHONES = len(MOBILE) * 10_000_000
DOMAINS = ("example.com", "example.org", "example.net")

# What random bits are for: each purpose has its own, so that mess never changes a person.
PEOPLE, SHUFFLE, SERIES, EXTRA, MESS = range(5)


class Dice:
    """Random whole numbers, `size` at a time, the same for the same (seed, purpose, number)."""

    def __init__(self, seed: int, purpose: int, number: int = 0, size: int = BLOCK) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose, number)))
        self._size = size

    def raw(self) -> NDArray[np.uint64]:
        """64 random bits each."""
        return np.asarray(self._bits.random_raw(self._size), dtype=np.uint64)

    def below(self, limit: int | Ints) -> Ints:
        """From 0 to limit - 1; the limit is at most 2^31. The bias of limit / 2^32 is let be."""
        wide = np.asarray(limit, dtype=np.uint64)
        return (((self.raw() >> np.uint64(32)) * wide) >> np.uint64(32)).astype(np.int64)

    def low(self, limit: int | Ints) -> Ints:
        """As `below`, the small ones more often: lists of words begin with the usual ones."""
        return np.minimum(self.below(limit), self.below(limit))

    def happens(self, permille: int) -> Flags:
        """True this often."""
        return self.below(1000) < permille


@dataclass(frozen=True)
class _Deck:
    """The cards; a cell is a (birth date, sex), even for a man and odd for a woman.

    Attributes:
        prefix: by cell, the first seven digits of its IINs.
        kind: by cell, its checksum class.
        share: by cell, how many cards it has.
        first: by cell, its first card.
        cell: by card, the cell.
        tails: by checksum class and rank, serial and check digit; dead serials are left out.
    """

    prefix: Ints
    kind: Ints
    share: Ints
    first: Ints
    cell: Ints
    tails: Ints


@cache
def birth_days() -> NDArray[np.datetime64]:
    """All the days that people are born on."""
    return np.arange(FIRST_DAY, END_DAY, dtype="datetime64[D]")


@cache
def _deck() -> _Deck:
    days = birth_days()
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    months = days.astype("datetime64[M]")
    date = years % 100 * 10_000 + (months.astype(np.int64) % 12 + 1) * 100
    date += (days - months).astype(np.int64) + 1
    # The seventh digit: 3 and 4 are a man and a woman born in 19xx, 5 and 6 in 20xx.
    prefix = np.repeat(date * 10 + np.where(years < 2000, 3, 5), 2)
    prefix[1::2] += 1
    edges = np.cumsum(np.repeat(np.array(PYRAMID)[(years - years[0]) // 5], 2))
    edges = edges * DECK // edges[-1]
    share = np.diff(edges, prepend=0)
    digits = prefix[:, None] // 10 ** np.arange(6, -1, -1) % 10
    # Both checksums are sums, so a prefix matters only by its two remainders: 121 classes.
    return _Deck(
        prefix=prefix,
        kind=digits @ np.arange(1, 8) % 11 * 11 + digits @ np.arange(3, 10) % 11,
        share=share,
        first=edges - share,
        cell=np.repeat(np.arange(share.size), share),
        tails=np.array([_tails(kind, LAYERS * int(share.max())) for kind in range(121)]),
    )


def _tails(kind: int, ranks: int) -> Ints:
    """Serial and check digit from 9999 downwards, for the prefixes of one checksum class."""
    serials = np.arange(9999, 9999 - ranks - 83, -1)  # of all 10,000 at most 83 are dead
    digits = serials[:, None] // np.array([1000, 100, 10, 1]) % 10
    check = (kind // 11 + digits @ np.array([8, 9, 10, 11])) % 11
    second = (kind % 11 + digits @ np.array([10, 11, 1, 2])) % 11
    check = np.where(check == 10, second, check)
    alive: Ints = (serials * 10 + check)[check < 10]
    return alive[:ranks]


@lru_cache(maxsize=2)
def _shuffled(seed: int, layer: int) -> NDArray[np.intp]:
    return np.argsort(Dice(seed, SHUFFLE, layer, DECK).raw())


@lru_cache(maxsize=2)
def _series(seed: int) -> tuple[int, int]:
    """Step and shift that carry person numbers to phone numbers, no two to the same."""
    dice = Dice(seed, SERIES, size=1)
    step = PHONES // 4 + int(dice.below(PHONES // 2)[0])
    while math.gcd(step, PHONES) != 1:
        step += 1
    return step, int(dice.below(PHONES)[0])


@dataclass(frozen=True)
class Block:
    """What `BLOCK` people in a row have; names are places in `synth_names.tables`.

    Attributes:
        day: place in `birth_days`.
        phone: ten digits, the country code left out.
        tag: six digits for the e-mail address.
        domain: place in `DOMAINS`.
        flat: 0 where there is none.
    """

    iin: Ints
    day: Ints
    surname: Ints
    given: Ints
    patronymic: Ints
    phone: Ints
    tag: Ints
    domain: Ints
    town: Ints
    street: Ints
    house: Ints
    flat: Ints


def block(seed: int, number: int) -> Block:
    """The people number * BLOCK and on; the number is below PEOPLE_MAX / BLOCK."""
    deck = _deck()
    layer, turn = divmod(number, DECK // BLOCK)
    card = _shuffled(seed, layer)[turn * BLOCK : (turn + 1) * BLOCK]
    cell = deck.cell[card]
    rank = layer * deck.share[cell] + card - deck.first[cell]
    sex = cell & 1
    dice = Dice(seed, PEOPLE, number)
    who = np.arange(BLOCK)
    # Some take surname, address and phone from somebody just before them, as in families.
    kin = np.maximum(who - dice.happens(30) * (1 + dice.below(3)), 0)
    group = 1 - dice.happens(760).astype(np.int64)
    surname = _word(dice, words.SURNAMES, group)[kin]
    group = group[kin]
    town = dice.low(len(words.TOWNS))
    flat = (1 + dice.low(150)) * (dice.happens(800) & (town < len(words.CITIES)))
    step, shift = _series(seed)
    person = number * BLOCK + who
    code, rest = np.divmod((person[kin] * step + shift) % PHONES, 10_000_000)
    return Block(
        iin=deck.prefix[cell] * 100_000 + deck.tails[deck.kind[cell], rank],
        day=cell >> 1,
        surname=surname * 2 + sex,
        given=_word(dice, words.GIVEN, 2 * group + sex),
        patronymic=4 * _word(dice, words.FATHERS, group) + 2 * dice.happens(400) + sex,
        phone=np.array(MOBILE)[code] * 10_000_000 + rest,
        tag=(person * 567_629 + step) % 1_000_000,  # prime to ten: a million in a row differ
        domain=dice.low(len(DOMAINS)),
        town=town[kin],
        street=dice.low(len(words.STREETS))[kin],
        house=(1 + dice.low(180))[kin],
        flat=flat[kin],
    )


def _word(dice: Dice, groups: tuple[tuple[str, ...], ...], which: Ints) -> Ints:
    sizes = np.array([len(group) for group in groups])
    first: Ints = np.cumsum(sizes) - sizes
    return first[which] + dice.low(sizes[which])
