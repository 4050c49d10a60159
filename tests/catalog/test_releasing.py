"""What goes with removed tracks in the apps above."""

import pytest

from apps.catalog import actions, releasing
from apps.catalog.models import Track
from tests.make import make_track

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def told(monkeypatch) -> list[set]:
    """What a releaser of the test's own was called with."""
    monkeypatch.setattr(releasing, "_releasers", {})
    calls: list[set] = []
    releasing.register("a test", lambda removed: calls.append(set(removed.values_list("pk", "status"))))
    return calls


def test_apps_above_are_told_of_removed_tracks_in_the_same_transaction(ana, told):
    tracks = [make_track(ana) for _ in range(3)]
    actions.remove(track=tracks[0], by=ana)
    actions.remove_all(tracks=Track.objects.filter(pk__in=[track.pk for track in tracks[1:]]), by=ana)
    assert told == [{(tracks[0].pk, "removed")}, {(track.pk, "removed") for track in tracks[1:]}]


def test_one_that_cannot_go_along_keeps_the_track(ana):
    def refuse(removed):
        raise RuntimeError

    track = make_track(ana)
    releasing.register("another", refuse)
    with pytest.raises(RuntimeError):
        actions.remove(track=track, by=ana)
    assert Track.objects.get().status == "ready"
