"""Every filter by what it takes, what it refuses and what it says again (S4-15)."""

import re
from pathlib import Path

import pytest
from django.http import QueryDict

from apps.catalog import filters, keys
from apps.catalog.models import Track
from apps.lib.errors import Refusal

EVERY = {
    "q": "night train", "genre": "Deep House,dub", "subgenre": "melodic", "tempo_min": "100", "tempo_max": "128.5",
    "key": "8A,C#", "scale": "minor", "harmonic": "1", "mood": "calm", "mood_all": "calm,dark", "tags": "sea",
    "tags_all": "sea", "instrument": "drums", "creator": "Earth\\, Wind & Fire,Cher", "duration_min": "30",
    "duration_max": "240.5", "isrc": "USS1Z2400001", "catalog_number": "BT-2024-001", "released_after": "2020-02-29",
    "released_before": "2024-01-01", "kind": "library,uploaded", "owner": "ana", "pro_only": "0",
    "clearance": "cleared", "missing": "isrc,cover", "ordering": "-popularity",
}  # fmt: skip


def refused(**params: str) -> Refusal:
    with pytest.raises(Refusal) as raised:
        filters.read(params)
    return raised.value


def test_what_is_wanted_reads_as_the_same_again():
    wanted = filters.read(EVERY)
    assert set(EVERY) == {*filters.FILTERS, "ordering"}, "every filter is said here"
    assert filters.read(wanted.query()) == wanted
    assert all(isinstance(value, str) for value in wanted.query().values())


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("harmonic", "ordering")])
def test_each_filter_alone_reads_as_the_same_again(name):
    wanted = filters.read({name: EVERY[name]})
    assert wanted.get(name) and filters.read(wanted.query()) == wanted


@pytest.mark.parametrize("word", ["a,b", "a\\", "\\,", "a\\,b\\", "\\\\", "ünï, ço", "a\nb,c", '"', "%"])
def test_any_value_survives_being_said(word):
    wanted = filters.read({"creator": [filters._escaped(word), "other"]})
    assert set(wanted.get("creator")) == {word, "other"}
    assert filters.read(wanted.query()) == wanted


def test_commas_and_repetition_mean_the_same():
    assert filters.read(QueryDict("mood=dark&mood=calm")) == filters.read(QueryDict("mood=calm,dark,DARK"))
    assert filters.read({"tempo_min": "120.50"}) == filters.read({"tempo_min": "120.5"})
    assert filters.read({"key": "Db"}) == filters.read({"key": "c#"})


@pytest.mark.parametrize(
    "name",
    ["owner__email__startswith", "pk__in", "title", "genre__iexact", "search", "is_public", "id", "1=1", "", "q " * 90],
)
def test_an_unknown_filter_is_refused_with_the_known_ones_and_what_they_take(name):
    refusal = refused(**{name: "x"})
    assert (refusal.code, refusal.status) == ("UNKNOWN_FILTER", 400)
    assert set(refusal.extra["known"]) == set(filters.FILTERS)
    assert "mood_all" in refusal.message and "Camelot" in refusal.extra["known"]["key"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tempo_min", "NaN"), ("tempo_min", "inf"), ("tempo_min", "1e9"), ("tempo_min", "-1"), ("tempo_min", "1001"),
        ("tempo_max", "12٣"), ("tempo_max", "120,130"), ("duration_min", "9" * 400), ("duration_max", "0x10"),
        ("released_after", "2023-02-29"), ("released_after", "yesterday"), ("released_before", "0000-01-01"),
        ("released_before", "20240101"), ("key", "H"), ("key", "13A"), ("key", "8C"), ("scale", "dorian"),
        ("kind", "stolen"), ("clearance", "maybe"), ("missing", "owner"), ("pro_only", "yes"), ("harmonic", "2"),
        ("isrc", "a'; DROP TABLE x"), ("genre", ""), ("genre", " , "), ("genre", "a\x00b"), ("genre", "x" * 256),
        ("q", ""), ("q", "x" * 201), ("ordering", "random()"), ("ordering", ""), ("ordering", "relevance"),
    ],
)  # fmt: skip
def test_a_malformed_value_is_refused_by_name(name, value):
    refusal = refused(**{name: value})
    assert (refusal.code, refusal.status, set(refusal.fields)) == ("INVALID", 400, {name})
    assert refusal.fields[name][0].startswith(f"{name}: ")


def test_fifty_values_are_taken_and_ten_thousand_refused():
    assert len(filters.read({"tags": ",".join(map(str, range(50)))}).get("tags")) == 50
    assert "50 values at most" in refused(tags=",".join(map(str, range(51)))).message
    assert refused(tags=",".join(map(str, range(10_000)))).code == "INVALID"


def test_one_value_is_not_said_twice():
    assert "say it once" in refused(q=["a", "b"]).message


def test_everything_malformed_is_told_at_once():
    assert set(refused(tempo_min="x", key="H", genre="dub").fields) == {"tempo_min", "key"}


@pytest.mark.parametrize(
    "params",
    [
        {"tempo_min": "130", "tempo_max": "120"}, {"duration_min": "2", "duration_max": "1.999"},
        {"released_after": "2024-01-02", "released_before": "2024-01-01"}, {"harmonic": "1"},
        {"harmonic": "1", "key": "A"}, {"harmonic": "1", "key": "8A,C"}, {"harmonic": "1", "key": "A", "scale": "major,minor"},
    ],
)  # fmt: skip
def test_filters_that_contradict_each_other_are_refused(params):
    assert refused(**params).code == "INVALID"


def test_a_bound_may_be_both_bounds():
    assert filters.read({"tempo_min": "120", "tempo_max": "120.0"}).get("tempo_max")


@pytest.mark.parametrize("mode", keys.MODES)
@pytest.mark.parametrize("pitch", range(12))
def test_harmonic_neighbours_are_the_same_the_next_numbers_and_the_relative(pitch, mode):
    """By the Camelot wheel: ±1 with the same letter, the other letter with the same number."""
    code = keys.camelot(pitch, mode)
    number, letter = int(code[:-1]), code[-1]
    wheel = {f"{number % 12 + 1}{letter}", f"{(number - 2) % 12 + 1}{letter}", f"{number}{'AB'[letter == 'A']}", code}
    assert {keys.camelot(*pair) for pair in keys.harmonic(pitch, mode)} == wheel
    assert keys.read(code) == (pitch, mode)


def test_the_guide_lists_every_filter_as_it_is_declared():
    """Said once in the code; the table of docs/api.md is written from it."""
    guide = (Path(__file__).parents[2] / "docs/api.md").read_text()
    for known in filters.FILTERS.values():
        assert f"| `{known.name}` | {known.takes.says} | {known.help} |" in guide, known.name
    assert set(
        re.findall(r"^\| `(\w+)` \| .* \| .* \|$", guide.split("## Filters and orders")[1].split("\n## ")[0], re.M)
    ) == set(filters.FILTERS)


@pytest.mark.django_db
def test_rows_are_narrowed_and_stay_gated():
    wanted = filters.read({"genre": "dub"})
    sql = str(wanted.rows(Track.objects.public()).query)
    assert "is_public" in sql and "catalog_folded" in sql
