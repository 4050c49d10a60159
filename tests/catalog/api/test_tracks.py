"""One track through the API: read whole, known again, followed where it went, and changed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.catalog import parts
from apps.catalog.models import Track
from tests.make import audio, make_key, make_playable, make_track, make_user

pytestmark = pytest.mark.django_db


def address(track) -> str:
    return f"/api/v1/tracks/{track.pk}"


def merge(track: Track, into: Track) -> None:
    Track.machine.move(track, "merged", removed_at=timezone.now(), merged_into=into)


def test_a_track_comes_with_its_arrangement_creators_and_instruments(as_, ana):
    """S4-16."""
    track = make_track(ana, duration_ms=64_000)
    section = {"name": "intro", "start_ms": 0, "end_ms": 8500}
    credit = {"name": "Ana", "role": "composer", "ipi": "00014107338"}
    instrument = {"category": "synth", "type": "analog synth"}
    for kind, row in (("sections", section), ("credits", credit), ("instruments", instrument)):
        parts.add(track=track, kind=kind, by=ana, **row)
    body = as_(None).get(address(track)).json()
    (part,), (creator,), (played,) = body["arrangement"], body["creators"], body["instruments"]
    assert (part["section"], part["startTime"], part["endTime"]) == ("intro", 0, 8.5)
    assert (creator["name"], creator["role"], creator["ipi"]) == ("Ana", "composer", "00014107338")
    assert (played["category"], played["type"]) == ("synth", "analog synth")
    assert "samples" not in body
    assert as_(None).get(address(track), {"expand": "samples"}).json()["samples"] == []


def test_fields_trim(as_, ana):
    """S0-30."""
    track = make_track(ana)
    assert as_(None).get(address(track), {"fields": "title,creators"}).json() == {"title": track.title, "creators": []}
    for query in ({"fields": "owner__password"}, {"expand": "owner"}):
        refused = as_(None).get(address(track), query)
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")


def test_what_has_not_changed_is_not_sent_again(as_, ana):
    track = make_track(ana)
    first = as_(None).get(address(track))
    known = as_(None).get(address(track), headers={"If-None-Match": first["ETag"]})
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", first["ETag"])
    assert "private" in first["Cache-Control"] and "private" in known["Cache-Control"]
    as_(ana).patch(address(track), {"genre": "Dub"}, format="json")
    assert as_(None).get(address(track), headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_a_tag_is_of_what_its_viewer_gets(as_, ana, bob):
    """Nothing leaks: a change that a viewer does not see changes no tag of theirs, and no tag opens a hidden track."""
    track = make_playable(ana, is_pro_only=True)
    parts.add(track=track, kind="credits", by=ana, name="Ana", role="composer", contact_email="ana@example.org")
    tags = {who: as_(who).get(address(track))["ETag"] for who in (None, bob, ana)}
    assert tags[None] == tags[bob] != tags[ana]
    parts.change(part=track.credits.get(), by=ana, contact_email="new@example.org")
    assert as_(bob).get(address(track))["ETag"] == tags[bob]
    assert as_(ana).get(address(track))["ETag"] != tags[ana]
    as_(ana).patch(address(track), {"is_public": False}, format="json")
    for tag in (*tags.values(), "*"):
        assert as_(bob).get(address(track), headers={"If-None-Match": tag}).status_code == 404


def test_a_merged_track_leads_to_the_one_it_lives_on_in(as_, ana, bob, mod):
    old, new = make_track(ana, title="Old"), make_track(ana, title="New")
    merge(old, new)
    for viewer in (None, bob, ana, mod):
        moved = as_(viewer).get(address(old))
        assert (moved.status_code, moved["Location"]) == (308, address(new))
    assert as_(None).get(address(old), follow=True).json()["title"] == "New"
    assert as_(ana).patch(address(old), {"title": "x"}, format="json").status_code == 404


ROLES = ("stream", "preview", "waveform", "cover", "video")


@pytest.mark.parametrize("role", ROLES)
def test_the_bytes_of_a_merged_track_lead_to_those_of_the_one_it_lives_on_in(as_, ana, bob, role):
    old, new = make_track(ana), make_track(ana)
    merge(old, new)
    for viewer in (None, bob, ana):
        moved = as_(viewer).get(f"{address(old)}/{role}")
        assert (moved.status_code, moved["Location"]) == (308, f"{address(new)}/{role}")
        assert moved["Cache-Control"] == "private, no-store"  # a merge can be undone


def test_staff_still_hear_the_merged_track_itself(as_, ana, mod):
    """They compare it on the duplicates desk."""
    old, new = make_playable(ana), make_track(ana)
    merge(old, new)
    heard = as_(mod).get(f"{address(old)}/stream")
    assert heard.status_code == 200 and b"".join(heard.streaming_content)


def test_it_leads_on_where_that_one_was_merged_too(as_, ana):
    first, second, third = (make_track(ana) for _ in range(3))
    merge(first, second)
    merge(second, third)
    assert as_(None).get(address(first))["Location"] == address(third)


def test_nobody_is_led_to_or_from_what_they_may_not_see(as_, ana, bob):
    hidden, shown = make_track(ana, is_public=False), make_track(ana)
    was_hidden, was_shown = make_track(ana, is_public=False), make_track(ana)
    merge(was_shown, hidden)
    merge(was_hidden, shown)
    for old in (was_shown, was_hidden):
        for viewer in (None, bob):
            assert as_(viewer).get(address(old)).status_code == 404
            assert [as_(viewer).get(f"{address(old)}/{role}").status_code for role in ROLES] == [404] * len(ROLES)
        assert as_(ana).get(address(old)).status_code == 308


def test_a_circle_of_merges_ends(as_, ana):
    one, other = make_track(ana), make_track(ana)
    merge(one, other)
    merge(other, one)
    assert as_(ana).get(address(one)).status_code == 404


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"isrc": "us-s1z-24-00001"}, "isrc", "USS1Z2400001"),
        ({"isrc": ""}, "isrc", ""),
        ({"tags": "dub, slow ,, night"}, "tags", ["dub", "slow", "night"]),
        ({"mood": ""}, "mood", []),
        ({"key": "Db"}, "key", "C#"),
        ({"key": "b♭"}, "key", "A#"),
        ({"key": None}, "key", ""),
        ({"tempo": 120}, "tempo", "120.00"),
        ({"tempo": "92.55"}, "tempo", "92.55"),
    ],
)
def test_facts_are_kept_in_one_form(as_, ana, change, field, told):
    """C-04, C-05, C-06, S4-02."""
    track = make_track(ana)
    answer = as_(ana).patch(address(track), change, format="json")
    assert (answer.status_code, answer.json()[field]) == (200, told), answer.content
    assert as_(None).get(address(track)).json()[field] == told


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"isrc": "US-ABC-24-0001"}, "isrc"), ({"isrc": "11S1Z2400001"}, "isrc"), ({"tags": "x" * 41}, "tags.0"),
        ({"tags": ",".join("abcdefghijklmnopqrstuvwxyz0123456789")}, "tags"), ({"key": "Hb"}, "key"),
        ({"key": 1}, "key"), ({"tempo": "92.555"}, "tempo"), ({"description": "x" * 10_001}, "description"),
        ({"description": "x" * 2_000_000}, "description"), ({"mood": {"a": "b"}}, "mood"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_400_with_its_field(as_, ana, change, field):
    track = make_track(ana)
    refused = as_(ana).patch(address(track), change, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID"), refused.content[:200]
    assert field in refused.json()["errors"]


def test_a_body_beyond_all_use_is_413(as_, ana):
    track = make_track(ana)
    refused = as_(ana).patch(address(track), {"description": "x" * 2_600_000}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (413, "TOO_LARGE")


def test_a_form_may_repeat_words_or_part_them_by_commas(as_, ana):
    """C-06."""
    for seed, tags in enumerate(("dub, slow", ["dub", "slow"]), start=1):
        file = SimpleUploadedFile("a.mp3", audio("mp3", 1.0, seed), "audio/mpeg")
        sent = {"file": file, "tags": tags, "title": str(tags)}
        assert as_(ana).post("/api/v1/uploads", sent).status_code == 201
        assert Track.objects.get(title=str(tags)).tags == ["dub", "slow"]


def test_one_track_costs_the_same_however_much_it_holds(as_, ana, django_assert_num_queries):
    """S0-30: the gate and one statement."""
    track = make_track(ana)
    with django_assert_num_queries(2):
        as_(None).get(address(track))
    for n in range(20):
        parts.add(track=track, kind="credits", by=ana, name=f"no {n}", role="performer")
    with django_assert_num_queries(2):
        assert len(as_(None).get(address(track)).json()["creators"]) == 20


def test_a_key_without_staffs_scope_sees_no_contacts(as_, ana, mod):
    track = make_track(ana)
    parts.add(track=track, kind="credits", by=ana, name="Ana", role="composer", contact_email="ana@example.org")
    for scopes, sees in [(("read",), None), (("read", "admin"), "ana@example.org")]:
        header = {"Authorization": f"Bearer {make_key(mod, *scopes)}"}
        body = as_(None).get(address(track), headers=header).json()
        assert body["creators"][0]["contact_email"] == sees


def test_a_pro_member_gets_the_address_of_the_full_file(as_, ana, bob):
    """S1-05."""
    track = make_playable(ana, is_pro_only=True)
    assert as_(bob).get(address(track)).json()["file_url"] is None
    assert as_(make_user("pro", plan="pro")).get(address(track)).json()["file_url"].endswith("/stream")
