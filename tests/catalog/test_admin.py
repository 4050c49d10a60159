import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from apps.catalog import derive
from apps.catalog.models import Blob, Derivation, Provider, ProviderSource, Track
from apps.lib import storage
from apps.lib.errors import Conflict
from tests.make import make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db

TRACKS = "/admin/catalog/track/"


@pytest.fixture
def desk(mod) -> Client:
    """A moderator's browser: what they can do, an admin can."""
    client = Client()
    client.force_login(mod)
    return client


def page_of(track: Track) -> str:
    return f"{TRACKS}{track.pk}/change/"


def content(client: Client, path: str, query: dict | None = None) -> str:
    return client.get(path, query).content.decode()


def form_of(track: Track, **changes) -> dict:
    """What the page's form sends when nobody touches it, and then these changes."""
    sent = {"title": track.title, "artist": track.artist, "is_public": "on", "tags": ",".join(track.tags)}
    for prefix in (
        "sections",
        "credits",
        "instruments",
        "samples",
        "files",
        "source",
        "archive_assets",
        "archive_jobs",
    ):
        count = track.files.count() if prefix == "files" else 0
        sent |= {f"{prefix}-TOTAL_FORMS": count, f"{prefix}-INITIAL_FORMS": count}
    return sent | changes


def listed(client: Client, **query) -> list[str]:
    return [track.title for track in client.get(TRACKS, query).context["cl"].result_list]


def test_a_track_is_heard_seen_and_measured_on_its_page(desk, ana):
    track = make_playable(ana, derived=True, tempo=120, pitch_class=0, mode="major")
    shown = content(desk, page_of(track))
    assert f'src="/api/v1/tracks/{track.pk}/stream"' in shown
    assert '<audio controls preload="none"' in shown
    assert f'<wave-form src="/api/v1/tracks/{track.pk}/waveform" duration="2.000"' in shown
    served, original = track.served, track.file("original")
    for words in ("44.1 kHz", "C major (8B)", "0:02", served.blob.sha256[:12], f"{served.compression_ratio} : 1"):
        assert words in shown
    assert original.codec in shown
    assert desk.get(f"/api/v1/tracks/{track.pk}/stream").status_code == 200


def test_a_tracks_page_reads_nothing_from_the_store(desk, ana):
    track = make_playable(ana, derived=True)
    storage.remove(track.file("waveform").blob.key)
    assert "<wave-form" in content(desk, page_of(track))


def test_a_track_without_bytes_says_that_there_is_nothing_to_play(desk, ana):
    assert "nothing to play" in content(desk, page_of(make_track(ana)))


def test_a_generated_track_plays_from_its_provider_until_that_expires(desk, ana):
    track = make_generated(ana, cover_url="https://cdn1.suno.ai/c.jpeg")
    shown = content(desk, page_of(track))
    assert "<audio" in shown and "in 14 d 23 h" in shown and "Cover of" in shown
    past = timezone.now() - dt.timedelta(hours=2)
    ProviderSource.objects.update(generated_at=past - dt.timedelta(days=15), expires_at=past)
    shown = content(desk, page_of(track))
    assert "<audio" not in shown and "2 h ago" in shown and "Cover of" not in shown


def test_an_edit_changes_words_and_facts(desk, ana):
    track = make_track(ana, tags=["old"])
    sent = form_of(track, title="  Day Train ", tags="piano, sea", tempo="98.5", pitch_class="3", mode="minor")
    assert desk.post(page_of(track), sent).status_code == 302
    track.refresh_from_db()
    assert (track.title, track.tags, track.tempo, track.pitch_class) == ("Day Train", ["piano", "sea"], 98.5, 3)


@pytest.mark.parametrize(
    "wrong", [{"title": "  "}, {"title": "x" * 256}, {"tempo": "5"}, {"pitch_class": "12"}, {"isrc": "none"}]
)
def test_an_edit_against_the_rules_is_refused_on_the_form(desk, ana, wrong):
    track = make_track(ana)
    answer = desk.post(page_of(track), form_of(track, **wrong))
    assert "correct the error" in answer.content.decode()
    assert Track.objects.get(pk=track.pk).title == "Night Train"


def test_no_form_writes_what_only_the_house_writes(desk, ana, bob):
    track = make_playable(ana)
    forged = form_of(track, status="removed", kind="gallery", owner=str(bob.pk), play_count="99", duration_ms="1",
                     popularity_score="100", removed_at_0="2026-01-01", removed_at_1="00:00", id="0")  # fmt: skip
    fields = ("status", "kind", "owner_id", "play_count", "duration_ms", "popularity_score", "removed_at", "pk")
    before = {name: getattr(track, name) for name in fields}
    assert desk.post(page_of(track), forged).status_code == 302
    track = Track.objects.get(pk=track.pk)
    assert {name: getattr(track, name) for name in fields} == before


def test_no_form_touches_a_tracks_files(desk, ana):
    track, other = make_playable(ana), make_playable(ana, form="mp3", title="Other")
    mine, theirs = track.file("original"), other.file("original")
    forged = {"files-0-id": str(theirs.pk), "files-0-track": str(track.pk), "files-0-role": "cover",
              "files-0-blob": str(theirs.blob_id), "files-0-DELETE": "on"}  # fmt: skip
    desk.post(page_of(track), form_of(track, **forged))
    for file in (mine, theirs):
        assert type(file).objects.filter(pk=file.pk, track=file.track_id, role="original", blob=file.blob_id).exists()


def test_a_removed_track_is_shown_and_cannot_be_changed(desk, ana):
    track = make_playable(ana)
    assert b"released for good" in desk.get(f"{TRACKS}{track.pk}/remove-track/").content
    desk.post(f"{TRACKS}{track.pk}/remove-track/")
    track.refresh_from_db()
    assert (track.status, track.title, track.files.count()) == ("removed", "", 0)
    assert desk.get(page_of(track)).status_code == 200
    assert desk.post(page_of(track), form_of(track, title="Back")).status_code == 403
    answer = desk.post(f"{TRACKS}{track.pk}/remove-track/", follow=True)
    assert "do not have permission" in " ".join(map(str, answer.context["messages"]))


def test_everything_of_an_original_is_made_again_on_request(desk, ana, django_capture_on_commit_callbacks):
    track = make_playable(ana, derived=True)
    with django_capture_on_commit_callbacks() as nudges:
        desk.post(f"{TRACKS}{track.pk}/make-again/")
    assert Derivation.objects.get().state == "due"
    assert len(nudges) == 1
    assert [derive.run(row) for row in derive.claim(limit=1)] == [True]


def test_what_failed_for_good_starts_over(ana):
    track = make_playable(ana)
    row = Derivation.objects.get(track=track)
    Derivation.machine.move(row, "failed", attempts=5, crashes=2, error_code="X", error_message="why")
    derive.again(track=track)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.crashes, row.error_code, row.error_message) == ("due", 0, 0, "", "")


def test_what_waits_for_its_next_try_comes_forward_and_what_is_in_work_is_left_alone(ana):
    track = make_playable(ana)
    Derivation.objects.update(next_at=timezone.now() + dt.timedelta(hours=2))
    derive.again(track=track)
    (row,) = derive.claim(limit=1, track=track)
    with pytest.raises(Conflict, match="at this moment"):
        derive.again(track=track)
    row.refresh_from_db()
    assert row.state == "running"


def test_there_is_nothing_to_make_again_without_an_original(desk, ana):
    track = make_track(ana)
    assert "make-again" not in content(desk, page_of(track))
    answer = desk.post(f"{TRACKS}{track.pk}/make-again/", follow=True)
    assert "no original" in " ".join(map(str, answer.context["messages"]))


def test_tracks_are_found_by_what_people_know_of_them(desk, ana, bob):
    make_track(ana, title="Night Train", artist="The Porters", isrc="QZ1234567890")
    generated = make_generated(bob, title="Neon Rain")
    known = ["night tra", "porters", "ana@example.org", "qz1234567890"]
    assert [listed(desk, q=words) for words in known] == [["Night Train"]] * len(known)
    for words in (generated.source.provider_track_id, str(generated.pk)):
        assert listed(desk, q=words) == ["Neon Rain"]


def test_the_list_narrows_by_fixed_choices(desk, ana):
    gone, failed = make_track(ana, title="Gone"), make_playable(ana, title="Failed")
    make_track(ana, title="Hidden", is_public=False)
    make_generated(ana, title="Made")
    Client.post(desk, f"{TRACKS}{gone.pk}/remove-track/")
    Derivation.machine.move(Derivation.objects.get(track=failed), "failed")
    assert sorted(listed(desk)) == ["Failed", "Hidden", "Made"]
    assert listed(desk, show="removed") == [""]
    assert listed(desk, made="failed") == ["Failed"]
    assert listed(desk, kind="generated") == ["Made"]
    assert listed(desk, is_public__exact="0") == ["Hidden"]
    assert listed(desk, provider="suno") == ["Made"]


def test_a_content_is_shown_with_every_track_that_holds_it(desk, ana, bob):
    for owner, title in ((ana, "First"), (bob, "Second")):
        make_playable(owner, title=title)
    blob = Blob.objects.get()
    (row,) = desk.get("/admin/catalog/blob/", {"q": blob.sha256[:20]}).context["cl"].result_list
    assert row.uses == 2
    shown = content(desk, f"/admin/catalog/blob/{blob.pk}/change/")
    assert "First" in shown and "Second" in shown and blob.sha256 in shown


@pytest.fixture
def chief(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("15 days, 0:00:00", dt.timedelta(days=15)),
        ("1:00:00", dt.timedelta(hours=1)),
        ("3 12:00:00", dt.timedelta(days=3, hours=12)),
    ],
)
def test_a_providers_lifetime_is_typed_as_people_write_it(chief, typed, kept):
    sent = {"name": "Suno", "lifetime": typed, "hosts": ".suno.ai, cdn.suno.com"}
    assert chief.post("/admin/catalog/provider/suno/change/", sent).status_code == 302
    provider = Provider.objects.get(pk="suno")
    assert (provider.lifetime, provider.hosts) == (kept, [".suno.ai", "cdn.suno.com"])


@pytest.mark.parametrize("typed", ["soon", "0:00:00", "-1:00:00"])
def test_a_lifetime_that_is_none_is_refused_on_the_form(chief, typed):
    sent = {"name": "Suno", "lifetime": typed, "hosts": ".suno.ai"}
    assert chief.post("/admin/catalog/provider/suno/change/", sent).status_code == 200
    assert Provider.objects.get(pk="suno").lifetime == dt.timedelta(days=15)


def test_a_providers_code_stays(chief):
    sent = {"code": "renamed", "name": "Suno", "lifetime": "1:00:00", "hosts": ".suno.ai"}
    chief.post("/admin/catalog/provider/suno/change/", sent)
    assert not Provider.objects.filter(pk="renamed").exists()


def test_a_provider_that_made_a_track_cannot_be_deleted(chief, ana):
    make_generated(ana, provider="suno")
    assert chief.post("/admin/catalog/provider/suno/delete/", {"post": "yes"}).status_code == 403
    assert chief.post("/admin/catalog/provider/mureka/delete/", {"post": "yes"}).status_code == 302
    assert set(Provider.objects.values_list("pk", flat=True)) == {"suno", "replicate"}


def test_a_providers_id_that_looks_like_an_identity_is_found(desk, ana):
    """Suno's clip ids are UUIDs."""
    clip = "0f8fad5b-d9cb-469f-a165-70867728950e"
    source = make_generated(ana, title="Clip").source
    type(source).objects.filter(pk=source.pk).update(provider_track_id=clip)
    page = desk.get("/admin/catalog/track/", {"q": clip})
    assert [row.title for row in page.context["cl"].result_list] == ["Clip"]


@pytest.mark.parametrize("query", ["created_at__year=99999999999", "title__regex=(", "tempo__gt=x"])
def test_a_look_up_that_makes_no_sense_leads_back_to_the_list(desk, query):
    assert desk.get(f"/admin/catalog/track/?{query}").status_code == 302
