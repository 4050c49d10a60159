"""Facts of many rows in memory: which rows say which word, and which number. Conditions are answered by sets of bits.

A row is its position. A mask has one bit for each position, 64 to a number; what several threads share they lock.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np
from django.db.models import Model, Q

MISSING = -1
LARGEST = 2**31 - 1
AT_ONCE = 64  # masks that are compared in one go: their memory is what a count takes besides
_BITS = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))


class NotKept(Exception):
    """The condition asks for something that is not in memory, or that memory might answer otherwise than SQL."""


def mask_of(positions: np.ndarray, width: int) -> np.ndarray:
    """The mask, `width` numbers long, with the bits of these positions."""
    return put(np.zeros(width, np.uint64), positions)


def put(mask: np.ndarray, positions: np.ndarray) -> np.ndarray:
    np.bitwise_or.at(mask, positions >> 6, _BITS[positions & 63])
    return mask


def has(mask: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """For each of the positions whether its bit is set."""
    return mask[positions >> 6] & _BITS[positions & 63] != 0


def total(mask: np.ndarray) -> int:
    return int(np.bitwise_count(mask).sum(dtype=np.int64))


def widened(array: np.ndarray, length: int, filler: int = 0) -> np.ndarray:
    """Its last axis made so long."""
    more = [(0, 0)] * (array.ndim - 1) + [(0, length - array.shape[-1])]
    return np.pad(array, more, constant_values=filler)


class Said(NamedTuple):
    """A word, the same without regard to case, and the positions of the rows that say it."""

    word: str
    folded: str
    positions: np.ndarray


class Words:
    """A column of words. One that many rows say has a mask; what the others say stands in one list of postings."""

    def __init__(self, said: Iterable["Said"], width: int):
        self.width = width
        said = sorted(said, key=lambda each: -len(each.positions))
        often = sum(len(each.positions) >= width / 2 for each in said)
        self.codes: dict[str, int] = {}
        self.folded: defaultdict[str, set[str]] = defaultdict(set)
        self.masks = np.zeros((often, width), np.uint64)
        self.rows, self.says = np.zeros((2, 0), np.int32)
        for each in said:
            self.learn(*each)

    def learn(self, word: str, folded: str, positions: np.ndarray) -> None:
        code = self.codes.setdefault(word, len(self.codes))
        self.folded[folded].add(word)
        if code < len(self.masks):
            put(self.masks[code], positions)
        else:
            positions = np.unique(positions)  # a row may say a word twice
            self.rows = np.concatenate([self.rows, positions.astype(np.int32)])
            self.says = np.concatenate([self.says, np.full(len(positions), code, np.int32)])

    def forget(self, positions: np.ndarray) -> None:
        gone = mask_of(positions, self.width)
        touched = np.flatnonzero(gone)
        self.masks[:, touched] &= ~gone[touched]
        stay = ~has(gone, self.rows)
        self.rows, self.says = self.rows[stay], self.says[stay]

    def widen(self, width: int) -> None:
        self.masks, self.width = widened(self.masks, width), width

    def saying(self, word: str) -> np.ndarray:
        """The mask of the rows that say it."""
        code = self.codes.get(word, -1)
        if 0 <= code < len(self.masks):
            return self.masks[code]
        return mask_of(self.rows[self.says == code], self.width)

    def alike(self, words: Iterable[str]) -> Iterator[str]:
        """Its words that are one of these without regard to case. How other letters fold only the database knows."""
        for word in words:
            if not word.isascii():
                raise NotKept
            yield from self.folded.get(word.lower(), ())

    def counts(self, mask: np.ndarray) -> Iterator[tuple[str, int]]:
        """Each of its words with how many rows of the mask say it, where any does."""
        counted = np.bincount(self.says[has(mask, self.rows)], minlength=len(self.codes))
        touched = np.flatnonzero(mask)
        few = len(touched) < self.width // 8
        for start in range(0, len(self.masks), AT_ONCE):
            block = self.masks[start : start + AT_ONCE]
            both = block[:, touched] & mask[touched] if few else block & mask
            counted[start : start + len(block)] = np.bitwise_count(both).sum(axis=1, dtype=np.uint32)
        return ((word, int(counted[code])) for word, code in self.codes.items() if counted[code])

    def bytes(self) -> int:
        return self.masks.nbytes + self.rows.nbytes + self.says.nbytes


class Blanks(Words):
    """A column of which it is only kept who says nothing in it."""

    def saying(self, word: str) -> np.ndarray:
        if word:
            raise NotKept
        return super().saying(word)

    def alike(self, words: Iterable[str]) -> Iterator[str]:
        raise NotKept


class Numbers:
    """A column of whole numbers from 0 to `LARGEST`; `scale` is how many make one of the condition's."""

    def __init__(self, width: int, scale: int = 1):
        self.values, self.scale = np.full(width * 64, MISSING, np.int32), scale

    def learn(self, positions: np.ndarray, numbers: np.ndarray) -> None:
        self.values[positions] = numbers

    def forget(self, positions: np.ndarray) -> None:
        self.values[positions] = MISSING

    def widen(self, width: int) -> None:
        self.values = widened(self.values, width * 64, MISSING)

    def between(self, least, most) -> np.ndarray:
        """The mask of the rows with a number from `least` to `most`, in the condition's unit; None is no bound."""
        lowest = 0 if least is None else max(0, self._whole(least, math.ceil))
        highest = LARGEST if most is None else max(MISSING, self._whole(most, math.floor))
        rows = (self.values >= lowest) & (self.values <= highest)
        return np.packbits(rows, bitorder="little").view(np.uint64)

    def _whole(self, value, rounded: Callable) -> int:
        if isinstance(value, dt.date):
            return value.year * 10_000 + value.month * 100 + value.day
        # What is kept of larger ones is only that they are.
        if value * self.scale >= LARGEST:
            raise NotKept
        return rounded(value * self.scale)

    def bytes(self) -> int:
        return self.values.nbytes


class Bits:
    """All columns. Answers conditions that are written as for the ORM, with the ORM's meaning."""

    def __init__(self, words: dict[str, Words], numbers: dict[str, Numbers], width: int):
        self.words, self.numbers, self.width = words, numbers, width

    def columns(self) -> Iterable[Words | Numbers]:
        return [*self.words.values(), *self.numbers.values()]

    def room_for(self, position: int) -> None:
        """A sixteenth more than needed, for those that come next."""
        if position >= self.width * 64:
            self.width = (position + position // 16) // 64 + 1
            for column in self.columns():
                column.widen(self.width)

    def forget(self, positions: np.ndarray) -> None:
        for column in self.columns():
            column.forget(positions)

    def bytes(self) -> int:
        return sum(column.bytes() for column in self.columns())

    def where(self, condition: Q) -> np.ndarray:
        """The mask of the rows that meet it, and with a negation of positions without a row; NotKept."""
        masks = [self.where(part) if isinstance(part, Q) else self._leaf(part) for part in condition.children]
        if not masks:
            return np.full(self.width, ~np.uint64(0))
        met = reduce({Q.AND: np.bitwise_and, Q.OR: np.bitwise_or, Q.XOR: np.bitwise_xor}[condition.connector], masks)
        return ~met if condition.negated else met

    def _leaf(self, leaf) -> np.ndarray:
        if not isinstance(leaf, tuple):
            raise NotKept
        name, _, how = leaf[0].partition("__")
        if name in self.words:
            return self._said(self.words[name], how, leaf[1])
        if name in self.numbers:
            return self._numbered(self.numbers[name], how, leaf[1])
        raise NotKept

    def _said(self, column: Words, how: str, value) -> np.ndarray:
        if how == "isnull":
            return column.saying("") if value else ~column.saying("")
        if how == "len" and value == 0:
            return column.saying("")
        if how in ("", "exact"):
            return column.saying(_text(value))
        if how in ("in", "overlap"):
            return self._any(column, map(_text, value))
        if how == "alike":
            return self._any(column, column.alike(value))
        if how == "all_alike":
            return reduce(np.bitwise_and, (self._any(column, column.alike([word])) for word in value), self.where(Q()))
        raise NotKept

    def _any(self, column: Words, words: Iterable[str]) -> np.ndarray:
        return reduce(np.bitwise_or, map(column.saying, words), np.zeros(self.width, np.uint64))

    def _numbered(self, column: Numbers, how: str, value) -> np.ndarray:
        if how == "isnull":
            return ~column.between(None, None) if value else column.between(None, None)
        if how == "gte":
            return column.between(value, None)
        if how == "lte":
            return column.between(None, value)
        if how == "range":
            return column.between(*value)
        raise NotKept


def _text(value) -> str:
    """As PostgreSQL writes it."""
    if isinstance(value, Model):
        value = value.pk
    return str(value).lower() if isinstance(value, bool) else str(value)
