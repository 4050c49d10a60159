"""Sets of bits answer conditions as the ORM would."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from django.db.models import Q

from apps.catalog.bits import Bits, Blanks, NotKept, Numbers, Said, Words, mask_of, total

WIDTH = 4


def rows(*positions) -> np.ndarray:
    return np.array(positions, np.int32)


def positions(mask) -> list[int]:
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()


def words(kind=Words, width=WIDTH, **said) -> Words:
    """`_` stands for the empty word."""
    said = {word.strip("_"): positions for word, positions in said.items()}
    return kind([Said(word, word.lower(), positions) for word, positions in said.items()], width)


def make_bits() -> Bits:
    """Rows 1 to 5 and 200: one genre by a mask, the others by postings."""
    genre = words(house=rows(1, 2, 200), Café=rows(3), Jazz=rows(4), _=rows(5))
    mood = words(dark=rows(1, 2), calm=rows(2, 3), _=rows(4, 5, 200))
    tempo = Numbers(WIDTH, scale=100)
    tempo.learn(rows(1, 2, 3), np.array([12_000, 12_050, 17_400]))
    day = Numbers(WIDTH)
    day.learn(rows(1, 2), np.array([1999_12_31, 2000_01_01]))
    columns = {"genre": genre, "mood": mood, "isrc": words(Blanks, _=rows(1)), "is_public": words(true=rows(1))}
    return Bits(columns, {"tempo": tempo, "release_date": day}, WIDTH)


def test_a_word_of_few_rows_and_one_of_many_are_kept_differently_and_answer_alike():
    genre = make_bits().words["genre"]
    assert (len(genre.masks), len(genre.rows)) == (1, 3)
    assert positions(genre.saying("house")) == [1, 2, 200]
    assert positions(genre.saying("Jazz")) == [4]
    assert positions(genre.saying("unheard of")) == []


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        (Q(genre="house"), [1, 2, 200]),
        (Q(genre__alike=["HOUSE"]), [1, 2, 200]),
        (Q(genre__alike=["jazz", "Funk"]), [4]),
        (Q(mood__alike=["Dark", "epic"]), [1, 2]),
        (Q(mood__all_alike=["DARK", "calm"]), [2]),
        (Q(mood__all_alike=["dark", "epic"]), []),
        (Q(genre__in=["Jazz", "Café"]), [3, 4]),
        (Q(genre=""), [5]),
        (Q(genre__isnull=True), [5]),
        (Q(mood__overlap=["dark", "calm"]), [1, 2, 3]),
        (Q(tempo__gte=Decimal("120.001"), tempo__lte=Decimal("120.5")), [2]),
        (Q(tempo__range=(120, Decimal("120.499"))), [1]),
        (Q(tempo__lte=-1), []),
        (Q(tempo__isnull=False), [1, 2, 3]),
        (Q(release_date__gte=dt.date(2000, 1, 1)), [2]),
        (Q(release_date__lte=dt.date(1999, 12, 31)), [1]),
        (Q(genre="house") & Q(mood__overlap=["calm"]) | Q(genre="Jazz"), [2, 4]),
        (Q(genre="house") & ~Q(mood__overlap=["dark"]), [200]),
        (Q(genre="house") & ~Q(tempo__isnull=True), [1, 2]),
        (Q(is_public=True), [1]),
        (Q(isrc=""), [1]),
    ],
)
def test_a_condition_has_the_orms_meaning(condition, met):
    assert positions(make_bits().where(condition)) == met


@pytest.mark.parametrize(
    "condition",
    [
        Q(isrc="QZ1234567890"),  # only who has none is kept
        Q(genre__alike=["house", "café"]),  # the database's idea of case is its own
        Q(mood__all_alike=["dark", "É"]),
        Q(genre__startswith="h"),
        Q(title="Night Train"),
        Q(tempo__gte=10**12),
        Q(tempo__gt=1),
        Q(pk__in=[]),
    ],
)
def test_what_is_not_kept_is_said_to_be_so(condition):
    with pytest.raises(NotKept):
        make_bits().where(condition)


def test_words_are_alike_as_the_database_folds_them():
    column = Words([Said("İce", "ice", rows(1)), Said("ice", "ice", rows(2))], WIDTH)
    assert sorted(column.alike(["ICE"])) == ["ice", "İce"]


def test_counts_are_of_the_rows_in_the_mask_only():
    bits = make_bits()
    mask = mask_of(rows(1, 2, 3, 4), WIDTH)
    assert dict(bits.words["genre"].counts(mask)) == {"house": 2, "Café": 1, "Jazz": 1}
    assert dict(bits.words["mood"].counts(mask)) == {"dark": 2, "calm": 2, "": 1}
    assert total(mask) == 4
    assert dict(bits.words["genre"].counts(np.zeros(WIDTH, np.uint64))) == {}


def test_a_mask_of_few_and_one_of_many_rows_are_counted_alike():
    width = 100
    column = words(width=width, odd=np.arange(1, 6400, 2, dtype=np.int32))
    few, many = mask_of(rows(1, 2, 3), width), mask_of(np.arange(6400, dtype=np.int32), width)
    assert (dict(column.counts(few)), dict(column.counts(many))) == ({"odd": 2}, {"odd": 3200})


def test_what_a_row_said_is_forgotten_and_what_it_says_now_is_learned():
    bits = make_bits()
    bits.forget(rows(1, 3))
    assert positions(bits.where(Q(genre="house") | Q(genre="Café") | Q(tempo__isnull=False))) == [2, 200]
    bits.words["genre"].learn("Café", "café", rows(1))
    bits.words["genre"].learn("house", "house", rows(3))
    bits.words["genre"].learn("new", "new", rows(4))
    assert positions(bits.where(Q(genre="Café"))) == [1]
    assert positions(bits.where(Q(genre="house"))) == [2, 3, 200]
    assert positions(bits.where(Q(genre="new"))) == [4]


def test_there_is_room_for_a_row_behind_the_last():
    bits = make_bits()
    bits.room_for(10_000)
    bits.words["genre"].learn("house", "house", rows(10_000))
    bits.numbers["tempo"].learn(rows(10_000), np.array([100]))
    assert positions(bits.where(Q(genre="house"))) == [1, 2, 200, 10_000]
    assert positions(bits.where(Q(tempo__lte=1))) == [10_000]
    assert positions(bits.where(~Q(tempo__isnull=True) & Q(genre="house"))) == [1, 2, 10_000]
