"""What a track is added by (S0-26)."""

import uuid

import pytest

from apps.lib.errors import Refusal
from apps.playlists import sources


@pytest.fixture(autouse=True)
def finders(monkeypatch):
    """Of this test's own: apps above register theirs."""
    monkeypatch.setattr(sources, "_finders", {"track_id": lambda user, key: key})
    sources.register("tape_id", lambda user, key: {KNOWN: TRACK}.get(key))


KNOWN, TRACK = uuid.uuid4(), uuid.uuid4()


def test_a_track_is_meant_by_its_id_or_by_what_shows_it():
    assert sources.track(None, {"track_id": TRACK, "tape_id": None}) == TRACK
    assert sources.track(None, {"tape_id": KNOWN}) == TRACK


def test_what_shows_no_track_is_not_found():
    with pytest.raises(Refusal) as refused:
        sources.track(None, {"tape_id": TRACK})
    assert (refused.value.code, refused.value.status) == ("TRACK_NOT_FOUND", 404)


@pytest.mark.parametrize("given", [{}, {"track_id": None}, {"track_id": TRACK, "tape_id": KNOWN}, {"other_id": TRACK}])
def test_one_is_named_and_no_more(given):
    with pytest.raises(Refusal) as refused:
        sources.track(None, given)
    assert (refused.value.code, refused.value.status) == ("INVALID", 400)
    assert "tape_id" in refused.value.message
