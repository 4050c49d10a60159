"""Nobody on the way keeps what a signed-in person sees."""

import pytest

from tests.make import make_key, make_playable, make_track

pytestmark = pytest.mark.django_db


def test_a_page_of_a_signed_in_person_is_stored_nowhere(client, ana):
    track = make_track(ana, is_public=False)
    client.force_login(ana)
    for path in ("/", f"/tracks/{track.pk}", "/upload", "/api/v1/me"):
        assert client.get(path)["Cache-Control"] == "private, no-store", path


def test_so_is_an_answer_to_a_key(client, ana):
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {make_key(ana)}"})
    assert answer["Cache-Control"] == "private, no-store"


def test_a_public_page_and_a_file_keep_what_their_view_says(as_, client, ana):
    assert "no-store" not in client.get("/").headers.get("Cache-Control", "")
    track = make_playable(ana)
    assert as_(ana).get(f"/api/v1/tracks/{track.pk}/stream")["Cache-Control"] == "private, max-age=0"
