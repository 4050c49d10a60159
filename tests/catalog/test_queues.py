import pytest

from apps.catalog import queues
from apps.catalog.models import Derivation, Term, Track
from tests.make import make_track

pytestmark = pytest.mark.django_db

WHOLE = {"artist": "The Porters", "genre": "House", "tempo": 120, "pitch_class": 0}


def waiting(user, name: str) -> list[str]:
    return sorted(track.title for track in queues.tracks(user, name))


def test_a_track_without_what_listeners_filter_by_is_missing_metadata(ana, mod):
    make_track(ana, title="whole", **WHOLE)
    for name, nothing in {"artist": "", "genre": "", "tempo": None, "pitch_class": None}.items():
        make_track(ana, title=name, **WHOLE | {name: nothing})
    assert waiting(mod, "missing") == ["artist", "genre", "pitch_class", "tempo"]


def test_rights_are_unclear_until_they_are_cleared(ana, mod):
    for verdict in Track.Clearance.values:
        track = make_track(ana, title=verdict)
        Track.objects.filter(pk=track.pk).update(clearance=verdict)
    assert waiting(mod, "unclear") == ["blocked", "unknown"]


def test_a_track_waits_for_review_while_nobody_has_looked_at_its_genre(ana, mod):
    """Curated words and aliases of curated ones are looked at; no genre at all is another queue's business."""
    house = Term.objects.create(kind="genre", name="House", is_curated=True, uses=1)
    Term.objects.create(kind="genre", name="Hows", stands_for=house, uses=1)
    Term.objects.create(kind="genre", name="Fog", uses=1)
    Term.objects.create(kind="mood", name="Calm", uses=1)
    for genre in ("House", "Fog", "Calm", ""):
        make_track(ana, title=genre or "none", genre=genre)
    assert waiting(mod, "review") == ["Fog"]
    Term.objects.filter(name="Fog").update(is_curated=True)
    assert waiting(mod, "review") == []


def test_what_could_not_be_made_has_failed(ana, mod):
    row = Derivation.objects.create(track=make_track(ana, title="broken"), source_sha256="0" * 64)
    Derivation.machine.move(row, "failed")
    Derivation.objects.create(track=make_track(ana, title="waits"), source_sha256="1" * 64)
    assert waiting(mod, "failed") == ["broken"]


@pytest.mark.parametrize("name", ["missing", "unclear"])
def test_a_queue_holds_what_one_may_see_and_nothing_that_is_out_of_sight(ana, bob, mod, name):
    make_track(ana, title="hidden", is_public=False)
    gone = make_track(ana, title="gone")
    Track.objects.filter(pk=gone.pk).update(status="merged", removed_at="2026-01-01T00:00Z",
                                            merged_into=make_track(ana, title="stays"))  # fmt: skip
    assert waiting(mod, name) == ["hidden", "stays"]
    assert waiting(bob, name) == ["stays"]
