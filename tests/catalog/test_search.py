"""Full text as people use it: accents, slips, words in part; and staff, who also know identifiers."""

import pytest

from apps.catalog import filters, search, words
from apps.catalog.models import Credit, Track
from tests.make import make_generated, make_track

pytestmark = pytest.mark.django_db


def found(text: str) -> set[str]:
    said = search.understood(text)
    return set(Track.objects.filter(said.anywhere()).values_list("title", flat=True)) if said.words else set()


def test_words_are_found_in_title_artist_creators_tags_mood_and_description(ana):
    make_track(ana, title="Alpha")
    make_track(ana, title="B", artist="alpha")
    Credit.objects.create(track=make_track(ana, title="C"), name="Ann Alpha", role="composer")
    make_track(ana, title="D", tags=["alpha"])
    make_track(ana, title="E", mood=["alpha"])
    make_track(ana, title="F", description="all of alpha")
    make_track(ana, title="G")
    assert found("ALPHA") == {"Alpha", "B", "C", "D", "E", "F"}


def test_all_words_are_asked_for_in_any_order_and_the_last_one_in_part(ana):
    make_track(ana, title="Night Train", artist="Owls")
    make_track(ana, title="Night Bus")
    assert found("train night") == found("owls nig") == {"Night Train"}
    assert found("nig train") == set()
    assert found("night tr") == set(), "two letters begin too much"


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Beyoncé", "beyonce"), ("Beyonce", "beyoncé"), ("Sigur Rós", "sigur ros"), ("Ёлка", "елка"), ("Москва", "МОСКВА"),
        ("AC/DC", "ac dc"), ("ac dc", "AC/DC"), ("Jay-Z", "jay z"), ("Take 5", "5"), ("e\u0301te\u0301", "été"),
        ("BT-2024-001", "001"), ("Don't", "don't"), ("Øre", "ore"), ("Straße", "strasse"),
    ],
)  # fmt: skip
def test_accents_case_and_punctuation_are_forgiven(ana, title, asked):
    make_track(ana, title=title)
    assert found(asked) == {title}


def test_a_slip_finds_what_was_meant_and_says_so(ana):
    make_track(ana, title="Midnight Train")
    words.learn()
    assert found("midnigth trian") == {"Midnight Train"}
    assert search.understood("midnigth trian").read_as == "midnight train"
    assert search.understood("midnight tra").read_as == ""


def test_the_last_word_may_be_typed_in_part_unless_it_is_a_word(ana):
    """Who says a whole word means it, and what begins like a frequent one would take long."""
    for title in ("Night Car", "Night Carousel", "Night Caravan", "Dawn Carousel"):
        make_track(ana, title=title)
    words.learn()
    assert found("night caro") == {"Night Carousel"}
    assert found("night ca") == set()
    assert found("night car") == {"Night Car"}


@pytest.mark.parametrize("rare", [0, 1, 2, 100])
@pytest.mark.parametrize("few", [0, 100])
@pytest.mark.parametrize("text", ["night carou", "carousel night", "night carousel"])
def test_words_are_found_among_few_and_among_many(ana, monkeypatch, text, few, rare):
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "RARE", rare)
    for title, score in (("Night Carousel", 0), ("Dawn Carousel", 0), ("Night Train", 50), ("Night Bus", 50)):
        make_track(ana, title=title, popularity_score=score)
    make_track(ana, title="B", description="night carousel")
    words.learn()
    pages = filters.read({"q": [text]}).reader(Track.objects.visible_to(ana).live())
    assert [Track.objects.get(pk=pk).title for pk in pages.page(5).ids] == ["Night Carousel", "B"]
    assert pages.page(1).ids == pages.page(5).ids[:1]


def test_an_odd_word_is_still_found_as_it_is(ana):
    make_track(ana, title="Midnight")
    make_track(ana, title="Midnigth", is_public=False)
    words.learn()
    assert found("midnigth") == {"Midnight", "Midnigth"}


def test_corrections_know_nothing_of_private_tracks(ana):
    make_track(ana, title="Midnight")
    words.learn()
    before = search.understood("zanzibaar midnigth")
    make_track(ana, title="Zanzibar Midnigth", is_public=False)
    words.learn()
    assert search.understood("zanzibaar midnigth") == before
    assert before.read_as == "zanzibaar midnight"


@pytest.mark.parametrize(
    "text", ["'", "a & b | !c", "x:*", "\\", "') OR 1=1 --", "<->", "a:A", "\u2028", "%s {} %(x)s"]
)
def test_no_text_is_a_query_of_its_own(ana, text):
    make_track(ana, title="Night")
    assert found(text) == set()


def test_staff_find_by_words_and_by_every_identifier(ana, bob):
    one = make_track(ana, title="Night Train", isrc="USS1Z2400001", catalog_number="BT-2024-001")
    other = make_generated(bob, title="Neon Rain")
    for text in ("nigh", "us-s1z-24-00001", "bt-2024-001", str(one.pk), one.pk.hex, "ANA@example.org"):
        assert list(search.for_staff(Track.objects.all(), text)) == [one], text
    for text in (other.source.provider_track_id, "rain neon"):
        assert list(search.for_staff(Track.objects.all(), text)) == [other], text
    assert not search.for_staff(Track.objects.all(), "nobody knows").exists()
    assert search.for_staff(Track.objects.all(), "  ").count() == 2
    assert not search.for_staff(Track.objects.all(), "-").exists()


def test_staffs_search_keeps_to_the_rows_it_is_given(ana):
    make_track(ana, title="Night", is_public=False)
    assert not search.for_staff(Track.objects.public(), "night").exists()
