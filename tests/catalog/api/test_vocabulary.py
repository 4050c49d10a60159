"""`/vocabulary`: words to choose from, none of them out of somebody's private tracks."""

import pytest

from apps.catalog import vocabulary
from apps.catalog.models import Term
from tests.make import make_track

pytestmark = pytest.mark.django_db

WORDS = "/api/v1/vocabulary"


@pytest.fixture
def words(ana):
    make_track(ana, genre="Techno")
    make_track(ana, genre="Secret Techno", is_public=False)
    vocabulary.count()
    Term.objects.create(kind="genre", name="Techno House", is_curated=True)


def asked(client, **query) -> list[str]:
    return [word["word"] for word in client.get(WORDS, query).json()]


def test_words_of_private_tracks_are_offered_to_staff_alone(words, as_, ana, bob, mod):
    for person in (None, ana, bob):
        assert asked(as_(person), kind="genre", q="tech") == ["Techno", "Techno House"]
    assert set(asked(as_(mod), kind="genre")) == {"Techno", "Secret Techno", "Techno House"}


def test_how_often_a_word_is_said_is_told_to_nobody(words, as_):
    assert as_(None).get(WORDS, {"kind": "genre", "q": "house"}).json() == [
        {"word": "Techno House", "is_curated": True}
    ]


@pytest.mark.parametrize("query", [{}, {"kind": "owner"}])
def test_an_unknown_kind_is_refused(db, as_, query):
    answer = as_(None).get(WORDS, query)
    assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"kind"})


def test_a_list_costs_the_same_for_one_word_and_for_fifty(as_, db, django_assert_num_queries):
    for many in (1, 60):
        Term.objects.bulk_create([Term(kind="mood", name=f"{many} {n}", is_curated=True) for n in range(many)])
        with django_assert_num_queries(1):
            assert len(as_(None).get(WORDS, {"kind": "mood"}).json()) == min(50, many if many == 1 else 61)
