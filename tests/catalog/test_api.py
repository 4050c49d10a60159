"""`/api/v1/tracks` as programs use it: who sees what, what may be written, the bytes."""

import pytest

from apps.catalog.models import Track
from tests.make import audio, make_generated, make_key, make_playable, make_track, make_user

pytestmark = pytest.mark.django_db


def ids(response) -> set[str]:
    assert response.status_code == 200, response.content
    return {row["id"] for row in response.json()["results"]}


def test_public_tracks_are_everyones_private_ones_the_owners_and_staffs(as_, ana, bob, mod):
    """S0-22, S0-27."""
    public, private = make_track(ana), make_track(ana, is_public=False)
    for viewer, sees in [(None, False), (bob, False), (ana, True), (mod, True)]:
        listed = ids(as_(viewer).get("/api/v1/tracks"))
        assert str(public.pk) in listed
        assert (str(private.pk) in listed) is sees
        status = as_(viewer).get(f"/api/v1/tracks/{private.pk}").status_code
        assert status == (200 if sees else 404)


@pytest.mark.parametrize("role", ["stream", "preview", "waveform"])
def test_no_byte_of_a_private_track_leaks_to_strangers(as_, ana, bob, role):
    track = make_playable(ana, derived=True, is_public=False)
    address = f"/api/v1/tracks/{track.pk}/{role}"
    assert as_(None).get(address).status_code == as_(bob).get(address).status_code == 404
    assert as_(ana).get(address).status_code == 200


def test_a_hidden_row_is_404_and_a_visible_one_of_somebody_else_403(as_, ana, bob):
    public, private = make_track(ana), make_track(ana, is_public=False)
    for method in ("patch", "delete"):
        assert getattr(as_(bob), method)(f"/api/v1/tracks/{private.pk}", {}, format="json").status_code == 404
        refused = getattr(as_(bob), method)(f"/api/v1/tracks/{public.pk}", {}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert getattr(as_(None), method)(f"/api/v1/tracks/{public.pk}", {}, format="json").status_code in (401, 403)
    assert Track.objects.get(pk=public.pk).status == "ready"


def test_the_shape_has_every_name_that_seeds_promised(as_, ana):
    """S0-04, S0-05, S0-12, S3-03, C-02 … C-05."""
    track = make_playable(ana, derived=True, tempo="120.5", pitch_class=9, mode="minor", mood=["calm"], tags=["sea"])
    body = as_(None).get(f"/api/v1/tracks/{track.pk}").json()
    assert body["key"] == "A" and body["scale"] == "minor" and body["camelot"] == "8A"
    assert body["tempo"] == "120.50" and body["mood"] == ["calm"]
    assert body["duration"] == pytest.approx(2.0, rel=0.01) and body["duration_ms"] == pytest.approx(2000, rel=0.01)
    assert body["owner"] == {"id": str(ana.pk), "username": "ana", "display_name": "ana", "avatar_url": None}
    assert body["file_url"] == f"http://testserver/api/v1/tracks/{track.pk}/stream"
    assert body["preview_url"] and body["waveform_url"] and body["storage_audio_url"] is None
    assert body["original_file_size"] == len(audio("wav"))
    assert body["compression_applied"] is True
    assert body["compression_savings"] == body["original_file_size"] - body["file_size"]
    assert float(body["compression_ratio"]) == round(body["original_file_size"] / body["file_size"], 2)
    assert body["archived_to_storage"] is False


def test_a_list_costs_the_same_queries_for_one_row_and_for_twenty(as_, ana, django_assert_max_num_queries):
    client = as_(ana)
    make_playable(ana, derived=True)
    make_generated(ana)
    with django_assert_max_num_queries(9) as one:
        client.get("/api/v1/tracks")
    for _ in range(19):
        make_track(ana)
    with django_assert_max_num_queries(9) as twenty:
        client.get("/api/v1/tracks")
    assert len(one) == len(twenty)


def test_pages_follow_their_cursors_without_gap_or_repeat(as_, ana):
    made = {str(make_track(ana, title=f"no {n}").pk) for n in range(7)}
    client, seen, address = as_(None), [], "/api/v1/tracks?limit=3"
    while address:
        page = client.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    assert len(seen) == 7 and set(seen) == made and seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=%C2%B2", "cursor=cD1ub3BlCg%3D%3D"])
def test_a_malformed_query_is_400_with_a_code(as_, query):
    refused = as_(None).get(f"/api/v1/tracks?{query}")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")


def test_an_unknown_filter_is_refused_with_the_known_ones(as_):
    refused = as_(None).get("/api/v1/tracks?owner__password__startswith=a")
    assert (refused.status_code, refused.json()["code"]) == (400, "UNKNOWN_FILTER")
    assert "genre" in refused.json()["detail"]


def test_filters_narrow(as_, ana, bob):
    dub, jazz = make_track(ana, genre="Dub"), make_track(bob, genre="Jazz")
    assert ids(as_(None).get("/api/v1/tracks?genre=dub")) == {str(dub.pk)}
    assert ids(as_(None).get("/api/v1/tracks?owner=BOB")) == {str(jazz.pk)}
    assert ids(as_(None).get("/api/v1/tracks?kind=generated")) == set()


def test_the_owner_changes_words_and_facts(as_, ana):
    """S0-13."""
    track = make_track(ana)
    change = {"title": "  Day Train ", "key": "C#", "scale": "major", "mood": ["slow"], "is_public": False}
    answer = as_(ana).patch(f"/api/v1/tracks/{track.pk}", change, format="json")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["title"], answer.json()["key"], answer.json()["is_public"]) == ("Day Train", "C#", False)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "   "}, {"title": "x" * 300}, {"title": None}, {"key": "H"}, {"scale": "dorian"}, {"tempo": -3},
        {"tempo": "NaN"}, {"mood": 5}, {"mood": ["x" * 41]}, {"mood": [""]}, {"release_date": "yesterday"},
        {"mood": ["sad, but hopeful"]}, {"title": "a\x00b"}, {"tags": [["deep"]]}, {"tempo": 10**30},
    ],
)  # fmt: skip
def test_bad_facts_are_400_and_change_nothing(as_, ana, change):
    track = make_track(ana)
    refused = as_(ana).patch(f"/api/v1/tracks/{track.pk}", change, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID"), refused.content
    assert next(iter(change)) in refused.json()["errors"] or f"{next(iter(change))}.0" in refused.json()["errors"]
    assert Track.objects.get(pk=track.pk).title == "Night Train"


def test_no_write_reaches_a_field_that_is_not_offered(as_, ana, bob):
    """B3: owner, state, counters and keys are not for the body."""
    track = make_track(ana)
    forged = {
        "id": "0" * 32, "owner": str(bob.pk), "owner_id": str(bob.pk), "status": "failed", "kind": "library",
        "is_pro_only": True, "play_count": 999, "popularity_score": "99", "removed_at": "2020-01-01T00:00:00Z",
        "duration_ms": 1,
    }  # fmt: skip
    before = Track.objects.filter(pk=track.pk).values().get()
    assert as_(ana).patch(f"/api/v1/tracks/{track.pk}", forged, format="json").status_code == 200
    after = Track.objects.filter(pk=track.pk).values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_removing_leaves_a_tombstone_that_nobody_but_staff_sees(as_, ana, mod):
    """C-07: the row stays, its words are blank, its files are released."""
    track = make_playable(ana, derived=True)
    assert as_(ana).delete(f"/api/v1/tracks/{track.pk}").status_code == 204
    row = Track.objects.get(pk=track.pk)
    assert (row.status, row.title, row.is_public, row.files.count()) == ("removed", "", False, 0)
    assert row.removed_at is not None
    assert as_(ana).get(f"/api/v1/tracks/{track.pk}").status_code == 404
    assert as_(ana).delete(f"/api/v1/tracks/{track.pk}").status_code == 404
    assert as_(mod).get(f"/api/v1/tracks/{track.pk}").status_code == 200
    assert ids(as_(ana).get("/api/v1/tracks")) == set()


def test_the_stream_answers_ranges(as_, ana):
    track = make_playable(ana)
    client, address, data = as_(None), f"/api/v1/tracks/{track.pk}/stream", audio("wav")
    whole = client.get(address, HTTP_ACCEPT="audio/*")
    assert (whole.status_code, whole["Content-Type"], b"".join(whole)) == (200, "audio/wav", data)
    part = client.get(address, HTTP_RANGE="bytes=100-199")
    assert (part.status_code, part["Content-Range"]) == (206, f"bytes 100-199/{len(data)}")
    assert b"".join(part) == data[100:200]
    assert client.get(address, HTTP_RANGE=f"bytes={len(data)}-").status_code == 416
    assert client.get(address, HTTP_IF_NONE_MATCH=whole["ETag"]).status_code == 304
    assert client.head(address)["Content-Length"] == str(len(data))
    assert whole["X-Content-Type-Options"] == "nosniff"


def test_pro_only_tracks_are_seen_by_all_and_heard_in_full_by_pro(as_, ana, bob, mod):
    """S1-05, C-10."""
    track = make_playable(ana, derived=True)
    Track.objects.filter(pk=track.pk).update(is_pro_only=True)
    pro = make_user("pro", plan="pro")
    address = f"/api/v1/tracks/{track.pk}"
    for viewer, hears in [(None, False), (bob, False), (pro, True), (ana, True), (mod, True)]:
        shown = as_(viewer).get(address).json()
        assert bool(shown["file_url"]) is hears
        assert shown["preview_url"]
        assert as_(viewer).get(f"{address}/stream").status_code == (200 if hears else 403)
        assert as_(viewer).get(f"{address}/preview").status_code == 200
    assert as_(bob).get(f"{address}/stream").json()["code"] == "PRO_ONLY"


GENERATED = {
    "provider": "suno", "provider_track_id": "clip-1", "title": "Neon Rain",
    "audio_url": "https://cdn1.suno.ai/clip-1.mp3", "cover_url": "https://cdn1.suno.ai/image_clip-1.jpeg",
    "duration": 31.5,
}  # fmt: skip


def test_a_finished_generation_is_registered_once_and_plays_from_its_provider_until_archived(as_, ana, bob):
    """S3-03, S3-07, rule 7."""
    first = as_(ana).post("/api/v1/tracks", GENERATED, format="json")
    assert first.status_code == 201, first.content
    body = first.json()
    assert (body["kind"], body["status"], body["duration_ms"]) == ("generated", "ready", 31_500)
    assert body["source"]["provider"] == "suno"
    again = as_(ana).post("/api/v1/tracks", GENERATED, format="json")
    assert (again.status_code, again.json()["id"]) == (200, body["id"])
    assert as_(bob).post("/api/v1/tracks", GENERATED, format="json").status_code == 201
    redirect = as_(None).get(f"/api/v1/tracks/{body['id']}/stream")
    assert (redirect.status_code, redirect["Location"]) == (302, GENERATED["audio_url"])


def test_its_expiry_follows_the_providers_lifetime(as_, ana):
    """S3-17: Replicate's files live an hour."""
    change = {"provider": "replicate", "audio_url": "https://replicate.delivery/x/out.wav", "cover_url": ""}
    stamp = {"generated_at": "2026-01-01T00:00:00Z"}
    body = as_(ana).post("/api/v1/tracks", {**GENERATED, **change, **stamp}, format="json").json()
    assert body["source"]["expires_at"] == "2026-01-01T01:00:00Z"
    gone = as_(ana).get(f"/api/v1/tracks/{body['id']}/stream")
    assert (gone.status_code, gone.json()["code"]) == (410, "EXPIRED")


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn1.suno.ai/a.mp3", "https://127.0.0.1/a.mp3", "https://10.0.0.8/a.mp3", "https://[::1]/a.mp3",
        "https://evil.example/a.mp3", "https://suno.ai.evil.example/a.mp3", "https://cdn1.suno.ai:8443/a.mp3",
        "https://user:pw@cdn1.suno.ai/a.mp3", "https://169.254.169.254/latest", "https://replicate.delivery/a.mp3",
    ],
)  # fmt: skip
def test_a_url_that_may_never_be_fetched_is_refused_at_the_door(as_, ana, url):
    refused = as_(ana).post("/api/v1/tracks", {**GENERATED, "audio_url": url}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "URL_REFUSED"), refused.content
    assert "audio_url" in refused.json()["errors"]
    assert not Track.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "nobody"}, {"provider": ""}, {"audio_url": "ftp://cdn1.suno.ai/a.mp3"}, {"audio_url": "words"},
        {"audio_url": ""}, {"title": " "}, {"title": "x" * 300}, {"provider_track_id": ""}, {"duration": 0},
        {"duration": "NaN"}, {"expires_at": "2020-01-01T00:00:00Z"}, {"generated_at": "9999-12-31T23:59:59Z"}, {"generated_at": "0001-01-01T00:00:00Z"},
        {"duration": 1e300},
    ],
)  # fmt: skip
def test_a_wrong_generation_is_400_and_leaves_nothing(as_, ana, change):
    refused = as_(ana).post("/api/v1/tracks", {**GENERATED, **change}, format="json")
    assert refused.status_code == 400, refused.content
    assert refused.json()["code"] in ("INVALID", "URL_REFUSED")
    assert not Track.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '"x"', "[1]"])
def test_a_body_that_is_no_object_is_400(as_, ana, body):
    refused = as_(ana).generic("POST", "/api/v1/tracks", body, content_type="application/json")
    assert refused.status_code == 400 and refused.json()["code"] in ("INVALID", "MALFORMED")


def test_a_key_does_what_its_scopes_say_and_no_more(as_, ana, mod):
    track = make_track(ana, is_public=False)
    client, address = as_(None), f"/api/v1/tracks/{track.pk}"

    def bearer(user, *scopes):
        return {"HTTP_AUTHORIZATION": f"Bearer {make_key(user, *scopes)}"}

    assert client.get(address, **bearer(ana, "read")).status_code == 200
    refused = client.patch(address, {"title": "New"}, format="json", **bearer(ana, "read"))
    assert (refused.status_code, "scope write" in refused.json()["detail"]) == (403, True)
    assert client.patch(address, {"title": "New"}, format="json", **bearer(ana, "write")).status_code == 200
    assert client.get(address, **bearer(mod, "read")).status_code == 404, "a key without admin is not staff"
    assert client.get(address, **bearer(mod, "read", "admin")).status_code == 200
    wrong = client.get(address, HTTP_AUTHORIZATION="Bearer kt_nope")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "AUTHENTICATION_FAILED")
