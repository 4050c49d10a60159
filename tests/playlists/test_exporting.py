"""A playlist goes out as a file: with what its reader sees, and under a name that any disk takes."""

import pytest

from apps.catalog.models import Track
from apps.lib.errors import Refusal
from apps.playlists import exporting
from tests.make import make_playable, make_playlist, make_track

pytestmark = pytest.mark.django_db

BASE = "https://keep.example"


@pytest.mark.parametrize("form", exporting.FORMATS)
def test_what_the_reader_may_not_see_is_in_no_export(ana, bob, form):
    """Rule 1: a playlist lends no access to its tracks, and its file neither."""
    secret = make_track(ana, title="Undisclosed", artist="Nobody", isrc="USABC2400001", is_public=False)
    playlist = make_playlist(ana, make_track(ana, title="Open"), secret, is_public=True)
    assert b"Undisclosed" in exporting.export(playlist, viewer=ana, form=form, base=BASE)
    data = exporting.export(playlist, viewer=bob, form=form, base=BASE).decode()
    for said in ("Undisclosed", "Nobody", "USABC2400001", str(secret.pk)):
        assert said not in data


def test_a_hash_is_told_to_who_may_have_the_file(ana, bob):
    playlist = make_playlist(ana, make_playable(ana, is_pro_only=True), is_public=True)
    sha256 = Track.objects.get(title="Night Train").file("original").blob.sha256
    assert sha256.encode() in exporting.export(playlist, viewer=ana, form="xspf", base=BASE)
    assert sha256.encode() not in exporting.export(playlist, viewer=bob, form="xspf", base=BASE)


def test_a_format_that_is_none_is_refused(ana):
    with pytest.raises(Refusal) as refusal:
        exporting.export(playlist=make_playlist(ana), viewer=ana, form="pls", base=BASE)
    assert refusal.value.code == "INVALID"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Evening", "Evening.xspf"),
        ('a/b\\c:"d"', "a_b_c__d_.xspf"),
        ("...", "playlist.xspf"),
        ("x" * 255, "x" * 100 + ".xspf"),
        ("🎵", "🎵.xspf"),
    ],
)
def test_a_file_is_called_as_its_playlist_where_a_name_may(ana, name, called):
    assert exporting.name_of(make_playlist(ana, name=name), "xspf") == called
