"""Bad input at the doors of curation is refused clearly: never a failure of ours."""

import pytest

from apps.catalog import actions, changesets, words
from apps.catalog.models import Track
from tests.make import make_track

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("value", [r'"\ud800"', r'["\ud800"]', r'"\u0000"', "1e400", "[-1e400]", "NaN"])
def test_a_value_that_no_json_column_holds_is_refused(as_, ana, boss, value):
    """S4: half a character and what is beyond every number are answered 400."""
    said = f'"tracks": ["{make_track(ana).pk}"], "operations": [{{"do": "set", "field": "genre", "value": {value}}}]'
    answer = as_(boss).post("/api/v1/changesets", f"{{{said}}}", content_type="application/json")
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize("value", ["", ', "value": null', ', "value": true', ', "value": ["House", "Techno"]'])
def test_what_is_no_text_does_not_become_one(as_, ana, boss, value):
    """S4: a title is never the words `None` or `['House']` because a program sent something else."""
    said = f'"tracks": ["{make_track(ana).pk}"], "operations": [{{"do": "set", "field": "title"{value}}}]'
    answer = as_(boss).post("/api/v1/changesets", f"{{{said}}}", content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["title"])


def test_a_correction_does_not_tell_of_a_track_that_has_become_private(as_, ana, bob):
    """S0-27: the words that searching knows are an hour old; an own track that says the slip brings none of them up."""
    track = make_track(ana, title="Zorbexar")
    words.learn()
    assert as_(bob).get("/api/v1/tracks?q=zorbexat").json()["read_as"] == "zorbexar"
    assert b"Read as" in as_(bob).get("/tracks?q=zorbexat").content
    actions.edit(track=track, by=ana, is_public=False)
    make_track(bob, title="Zorbexat", is_public=False)
    found = as_(bob).get("/api/v1/tracks?q=zorbexat").json()
    assert (len(found["results"]), "read_as" in found) == (1, False)
    assert b"zorbexar" not in as_(bob).get("/tracks?q=zorbexat").content


def asked(client, track, *operations, times: int = 1) -> dict:
    """A changeset's rows and what it says of itself, after its preview."""
    body = {"tracks": [str(track.pk)] * times, "operations": operations}
    answer = client.post("/api/v1/changesets", body, format="json")
    changesets.work(seconds=5)
    address = f"/api/v1/changesets/{answer.json()['id']}"
    return client.get(address).json() | client.get(f"{address}/rows").json()


def test_a_track_that_is_named_twice_changes_once(as_, ana, boss):
    """S4: what is counted is what changes."""
    found = asked(as_(boss), make_track(ana), {"do": "set", "field": "genre", "value": "House"}, times=3)
    assert (found["rows_total"], found["title"]) == (1, "Genre → House — 1 track")


def test_replacing_does_not_fill_the_memory(as_, ana, boss):
    """S4: each operation could make a text 255 times as long; one too long for its column is refused and not kept."""
    longer = {"do": "replace", "field": "description", "find": "a", "put": "a" * 255}
    found = asked(as_(boss), make_track(ana, description="a" * 100), longer, longer)
    (row,) = found["results"]
    assert (found["rows_total"], found["rows_refused"], len(row["new"]["description"])) == (0, 1, 10_001)
    assert row["problem"].startswith("description: ")


def test_a_private_track_that_was_merged_leads_no_stranger_anywhere(as_, ana, bob, boss):
    """S0-27: who did not see it before does not learn that there was one, at either door; its owner and staff do."""
    stays, goes = make_track(ana), make_track(ana, is_public=False)
    Track.machine.move(goes, "merged", merged_into=stays, removed_at=stays.created_at)
    for address in (f"/tracks/{goes.pk}", f"/api/v1/tracks/{goes.pk}"):
        assert [as_(who).get(address).status_code for who in (None, bob)] == [404, 404], address
        assert all(as_(who).get(address).status_code in (301, 302, 308) for who in (ana, boss)), address
