"""The vocabulary that searching knows: of public tracks alone, and what slips are put right to."""

import pytest

from apps.catalog import actions, words
from apps.catalog.models import Word
from tests.make import make_track

pytestmark = pytest.mark.django_db


def put_right(asked) -> dict[str, str]:
    return {slip: right.word for slip, right in words.put_right(asked).items()}


def known() -> dict[str, int]:
    return dict(Word.objects.values_list("word", "uses"))


def test_words_are_those_of_public_tracks_and_how_many_say_them(ana):
    make_track(ana, title="Night Train", artist="Night Owls", tags=["sea"])
    make_track(ana, title="Night Bus")
    make_track(ana, title="Hidden Treasure", is_public=False)
    actions.create(owner=ana, kind="uploaded", title="Unheard yet")
    actions.remove(track=make_track(ana, title="Gone"), by=ana)
    assert words.learn() == 5
    assert known() == {"night": 2, "train": 1, "owls": 1, "sea": 1, "bus": 1}


def test_learning_again_forgets_what_nobody_says_any_more(ana):
    track = make_track(ana, title="Night Train")
    words.learn()
    actions.edit(track=track, by=ana, title="Night Bus")
    words.learn()
    assert known() == {"night": 1, "bus": 1}
    actions.edit(track=track, by=ana, is_public=False)
    assert words.learn() == 0
    assert known() == {}


def test_a_word_that_is_longer_than_any_is_not_learned(ana):
    make_track(ana, title="x" * 200)
    assert words.learn() == 0


def learn(**uses: int) -> None:
    Word.objects.bulk_create(Word(word=word, uses=count) for word, count in uses.items())


@pytest.mark.parametrize("slip", ["midnigt", "midnihgt", "midnightt", "midnjght", "idnight", "kidnight", "mdinight"])
def test_one_slip_of_any_kind_is_put_right(slip):
    learn(midnight=3, train=5)
    assert put_right([slip]) == {slip: "midnight"}


def test_nearly_every_slip_in_many_words_is_put_right():
    """95 % of one-letter slips (performance row 10); what is missed is nearer to another word."""
    said = ["midnight", "forest", "river", "summer", "winter", "dancing", "dreamer", "ocean", "thunder", "velvet"]
    learn(**{word: 100 - at for at, word in enumerate(said)})
    slips = [(word, slip) for word in said for slip in sorted(words.slips(word))[::7] if slip not in said]
    right = put_right(slip for _, slip in slips)
    assert sum(right.get(slip) == word for word, slip in slips) >= 0.95 * len(slips)
    assert len(slips) > 500


def test_of_two_near_words_the_more_used_is_meant():
    learn(trains=1, trainy=9)
    assert put_right(["trainz"]) == {"trainz": "trainy"}


def test_a_nearer_word_goes_before_a_more_used_one():
    learn(midnight=1, midlights=900)
    assert put_right(["midnigh"]) == {"midnigh": "midnight"}


def test_two_slips_are_put_right_in_long_words_only():
    learn(midnight=3, moon=3)
    assert put_right(["midnoghte", "mxxn"]) == {"midnoghte": "midnight"}


def test_cyrillic_slips_are_put_right():
    learn(полночь=2)
    assert put_right(["полнчь", "полночъ"]) == {"полнчь": "полночь", "полночъ": "полночь"}


@pytest.mark.parametrize("odd", ["ab", "120", "bt2024", "x" * 500, "qqqqqq"])
def test_short_words_numbers_and_nonsense_are_left_alone(odd):
    learn(abba=3, midnight=3)
    assert put_right([odd]) == {}


@pytest.mark.parametrize(
    ("text", "lexemes"),
    [
        ("Beyoncé's Ёлка", ["beyonce", "s", "елка"]), ("AC/DC  BT-2024-001", ["ac", "dc", "bt", "2024", "001"]),
        ("e\u0301te\u0301", ["ete"]), ("ＦＵＬＬ", ["full"]), ("night NIGHT", ["night"]), ("! & | :* <-> ()", []),
        ("a' OR 1=1 -- \\", ["a", "or", "1"]), ("мир-труд", ["мир", "труд"]), ("", []),
    ],
)  # fmt: skip
def test_a_text_is_read_as_the_index_reads_titles(text, lexemes):
    assert [word.text for word in words.read(text, begun_from=3)] == lexemes


def test_reading_tells_how_many_say_a_word_and_how_many_begin_like_it():
    learn(night=3, nightly=4, knight=9)
    (word,) = words.read("night", begun_from=3)
    assert (word.uses, word.begun) == (3, 7)
    assert words.read("ni", begun_from=3)[0].begun == 0
