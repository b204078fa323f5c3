"""The distinct identifiers of one kind, with the OR of the masks of the rows that hold each.

Compact arrays, never a Python object a row: 14 bytes for each distinct IIN or phone number, about
50 for an e-mail address. Sorted, so that the second pass always goes in the same order.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from loaders import cells
from lookup.protocol.suite import Kind

_BUFFER = 1 << 20  # identifiers buffered before they are merged, at least
_EMAIL_BUFFER = 1 << 18  # these wait as Python objects


class Distinct:
    """The distinct identifiers of one kind: key, mask and first row of each, sorted by key."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        is_text = kind is Kind.EMAIL
        key_type = np.dtype("S16") if is_text else np.dtype(np.int64)
        self.keys: NDArray[np.generic] = np.empty(0, dtype=key_type)
        self.masks: NDArray[np.uint16] = np.empty(0, dtype=np.uint16)
        self.rows: NDArray[np.uint32] = np.empty(0, dtype=np.uint32)
        self._texts_at: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._texts = bytearray()  # canonical e-mails, each ended by a newline
        self._buffer: list[tuple[NDArray[np.generic], NDArray[np.uint16], NDArray[np.uint32]]] = []
        self._buffer_texts: list[str] = []
        self._buffered = 0

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, found: cells.Cells, masks: NDArray[np.uint16], rows: NDArray[np.uint32]) -> None:
        """Take the valid cells of a block; ``masks`` and ``rows`` are the whole block's."""
        chosen = np.flatnonzero(found.valid)
        if found.numbers is not None:
            keys: NDArray[np.generic] = found.numbers[chosen]
        else:
            texts = [found.texts[i] for i in chosen.tolist()] if found.texts else []
            self._buffer_texts.extend(texts)
            digests = [hashlib.blake2b(t.encode(), digest_size=16).digest() for t in texts]
            keys = np.array(digests, dtype="S16")
        self._buffer.append((keys, masks[chosen], rows[chosen]))
        self._buffered += len(chosen)
        limit = _EMAIL_BUFFER if self.kind is Kind.EMAIL else max(_BUFFER, len(self) // 4)
        if self._buffered >= limit:
            self.merge()

    def merge(self) -> None:
        """Take up what is buffered: sort it, then one linear merge into the sorted arrays."""
        if not self._buffered:
            return
        keys, masks, rows = (np.concatenate(part) for part in zip(*self._buffer, strict=True))
        order = np.argsort(keys)  # not stable: that takes almost four times as long
        keys, masks = keys[order], masks[order]
        first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        keys, masks = keys[first], np.bitwise_or.reduceat(masks, first)
        order = np.minimum.reduceat(order, first)  # of equals, the first row
        at = np.searchsorted(self.keys, keys)
        known = np.zeros(len(keys), dtype=np.bool_)
        inside = at < len(self.keys)
        known[inside] = self.keys[at[inside]] == keys[inside]
        self.masks[at[known]] |= masks[known]
        self.rows[at[known]] = np.minimum(self.rows[at[known]], rows[order[known]])
        fresh, at = ~known, at[~known]
        self.keys = np.insert(self.keys, at, keys[fresh])
        self.masks = np.insert(self.masks, at, masks[fresh])
        self.rows = np.insert(self.rows, at, rows[order[fresh]])
        if self.kind is Kind.EMAIL:
            self._texts_at = np.insert(self._texts_at, at, self._keep_texts(order[fresh]))
        self._buffer, self._buffer_texts, self._buffered = [], [], 0

    def take(self, other: "Distinct") -> None:
        """Take up all that another one of the same kind has."""
        self.merge()
        other.merge()
        self._buffer.append((other.keys, other.masks, other.rows))
        if self.kind is Kind.EMAIL:
            self._buffer_texts = other.texts(0, len(other))
        self._buffered = len(other)
        self.merge()

    def texts(self, first: int, last: int) -> list[str]:
        """The canonical texts of some of the identifiers, by their place in the order."""
        if self.kind is not Kind.EMAIL:
            return [cells.text_of(self.kind, key) for key in self.keys[first:last].tolist()]
        starts = self._texts_at[first:last].tolist()
        return [self._texts[s : self._texts.index(b"\n", s)].decode() for s in starts]

    def _keep_texts(self, chosen: NDArray[np.intp]) -> list[int]:
        places = []
        for i in chosen.tolist():
            places.append(len(self._texts))
            self._texts += self._buffer_texts[i].encode() + b"\n"
        return places
