"""The one shape of a track: what the database builds equals, field by field, what REST framework would write."""

import datetime as dt
import json
from copy import copy

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Avatar
from apps.catalog import actions, cards, files
from apps.catalog.models import Blob, Credit, Instrument, ProviderSource, Sample, Section, Track
from apps.lib.errors import Refusal
from apps.lib.shape import run
from tests.catalog import plain
from tests.make import make_generated, make_track, make_user

pytestmark = pytest.mark.django_db

BASE = "http://testserver"
# S0-04, S0-05, S3-03, S4-02: the names that API users know from the systems before.
PROMISED = {
    "id", "title", "description", "file_url", "duration", "file_size", "mime_type", "genre", "subgenre", "tags", "mood",
    "is_public", "play_count", "created_at", "updated_at", "original_file_size", "compression_ratio",
    "compression_applied", "compression_savings", "status", "cover_url", "video_url", "archived_to_storage",
    "storage_audio_url", "storage_cover_url", "storage_video_url", "preview_url", "is_pro_only", "artist", "tempo",
    "key", "scale", "catalog_number", "isrc", "release_date", "popularity_score", "duration_ms", "owner", "stats",
    "compression", "creators", "instruments", "clearance", "clearance_reasons",
}  # fmt: skip
URLS = {f"{kind}_url": f"https://cdn1.suno.ai/a.{kind}" for kind in ("audio", "cover", "video")}


def read(tracks, viewer=None, **asked) -> list[dict]:
    ids = [track.pk for track in tracks]
    return [json.loads(each) for each in cards.read(ids, viewer=viewer or AnonymousUser(), base=BASE, **asked)]


def written(rf, track: Track, viewer, serializer) -> dict:
    row = Track.objects.with_playable(viewer).with_page().annotate(**plain.COUNTS).get(pk=track.pk)
    editable = Track.objects.editable_by(viewer).filter(pk=track.pk).exists()
    shown = serializer(row, context={"request": rf.get("/"), "editable": editable}).data
    return json.loads(json.dumps(shown, default=str))


def blob(number: int, mime: str = "audio/wav") -> Blob:
    sha256 = f"{number:064x}"
    return Blob.objects.create(sha256=sha256, key=sha256, size=1000 + number, mime=mime, extension="x")


def attach(track: Track, *roles: str, **facts) -> None:
    for role in roles:
        files.attach(track=track, role=role, blob=blob(Blob.objects.count()), **facts)


def with_parts(track: Track) -> Track:
    Section.objects.create(track=track, name="verse", start_ms=800, end_ms=1950, description="Ä “theme”")
    Section.objects.create(track=track, name="intro", start_ms=0, end_ms=800)
    Credit.objects.create(track=track, name="Zoë O'Neil", role="composer", split="33.30", contact_email="z@example.org")
    Credit.objects.create(track=track, name="Ana", role="producer", ipi="00123456789", pro="ASCAP")
    Credit.objects.create(track=track, name="Ana", role="composer", split="50", contact_phone="+1-555-0100")
    Instrument.objects.create(track=track, category="synth", type="analog synth")
    Instrument.objects.create(track=track, category="drums", type="808", is_primary=True)
    Sample.objects.create(track=track, pack_name="Breaks", is_cleared=True, clearance_notes="by mail")
    return track


def every_kind(ana) -> dict[str, Track]:
    """Tracks of every sort that the shape knows a difference for."""
    facts = {
        "artist": "Ä \"quoted\" \\ 100%", "description": "line\none\ttwo \u2028", "genre": "Dub", "tempo": "120",
        "pitch_class": 1, "mode": "minor", "mood": ["calm", "a'b"], "tags": ["x"], "isrc": "USS1Z2400001",
        "release_date": dt.date(2024, 1, 15), "popularity_score": "87.5", "duration_ms": 180_500,
    }  # fmt: skip
    now = timezone.now()
    tracks = {
        "bare": make_track(ana),
        "full": with_parts(make_track(ana, **facts)),
        "major": make_track(ana, pitch_class=9, mode="major", duration_ms=60_000),
        "no scale": make_track(ana, pitch_class=9),
        "pending": actions.create(owner=ana, kind="uploaded", title="Coming"),
        "private": make_track(ana, is_public=False),
        "uploaded": make_track(ana),
        "made": make_track(ana),
        "generated": make_generated(ana, **URLS),
        "sound alone": make_generated(ana),
        "expired": make_generated(ana, generated_at=now - dt.timedelta(days=30), **URLS),
        "half archived": make_generated(ana, **URLS),
        "archived": make_generated(ana, **URLS),
        "pro-only": with_parts(make_track(ana, is_pro_only=True)),
        "pro-only generated": make_generated(ana, is_pro_only=True, **URLS),
        "pro-only archived": make_generated(ana, is_pro_only=True, **URLS),
        "library": Track.objects.create(kind="library", title="House Theme"),
        "removed": make_track(ana),
        "merged": make_track(ana),
    }
    compressed = {"original_file_size": 5000, "compression_ratio": "4.96", "compression_applied": True}
    for name in ("uploaded", "made", "pro-only", "removed"):
        attach(tracks[name], "original")
    for name in ("made", "pro-only"):
        attach(tracks[name], "preview", "waveform")
        attach(tracks[name], "audio", **compressed)
    for name, peak in (("made", "0.31"), ("uploaded", None)):
        tracks[name].files.filter(role="original").update(loudness_lufs="-9.5", true_peak_dbtp=peak)
    attach(tracks["half archived"], "original", "preview")
    for name in ("archived", "pro-only archived"):
        attach(tracks[name], "original", "cover", "video", "waveform")
    attach(tracks["archived"], "audio", original_file_size=None)
    actions.remove(track=tracks["removed"], by=ana)
    Track.machine.move(tracks["merged"], "merged", removed_at=now, merged_into=tracks["bare"])
    whole_second = now.replace(microsecond=0)
    Track.objects.filter(pk=tracks["bare"].pk).update(created_at=whole_second, updated_at=whole_second)
    ProviderSource.objects.filter(track=tracks["archived"]).update(expires_at=whole_second + dt.timedelta(days=1))
    return tracks


@pytest.mark.parametrize("who", ["anonymous", "owner", "stranger", "pro", "moderator"])
def test_a_card_is_what_a_plain_serializer_writes(rf, ana, bob, mod, who):
    """S0-12, S4-02, S4-15: every field of every kind of track, as each person reads it."""
    Avatar.objects.create(user=ana, image=b"x", sha256="ab" * 32)
    pro = make_user("pro", plan="pro")
    viewer = {"anonymous": AnonymousUser(), "owner": ana, "stranger": bob, "pro": pro, "moderator": mod}[who]
    tracks = every_kind(ana)
    found = read(tracks.values(), viewer)
    expanded = read(tracks.values(), viewer, expand=cards.KNOWN_EXPANDS)
    for (name, track), card, whole in zip(tracks.items(), found, expanded, strict=True):
        assert card == written(rf, track, viewer, plain.TrackSerializer), name
        assert set(card) >= PROMISED
        expected = written(rf, track, viewer, plain.ExpandedSerializer)
        orders = {"arrangement": lambda row: row["start_ms"], "instruments": lambda row: not row["is_primary"]}
        for field, order in orders.items():
            expected[field].sort(key=order)
        assert whole == expected, name


def test_a_person_without_profile_is_no_error(ana):
    track = make_track(ana)
    ana.profile.delete()
    (card,) = read([track])
    assert card["owner"] == {"id": str(ana.pk), "username": None, "display_name": None, "avatar_url": None}


def test_cards_come_in_the_order_of_their_ids_and_what_is_gone_is_left_out(ana):
    tracks = [make_track(ana, title=f"no {n}") for n in range(5)]
    turned = [tracks[n] for n in (3, 0, 4, 2, 1)]
    assert [card["title"] for card in read(turned)] == [track.title for track in turned]
    turned[1].pk = ana.pk
    assert len(read(turned)) == 4
    assert read([]) == []


def test_fields_trim_and_expand_joins(ana):
    """S0-30."""
    track = with_parts(make_track(ana))
    assert read([track], fields=frozenset({"title", "creators"})) == [
        {"title": track.title, "creators": ["Ana", "Zoë O'Neil"]}
    ]
    (card,) = read([track], fields=frozenset({"samples", "id"}), expand=frozenset({"samples"}))
    assert (set(card), card["samples"][0]["pack_name"]) == ({"id", "samples"}, "Breaks")
    assert "arrangement" not in read([track])[0]


@pytest.mark.parametrize(("name", "value"), [("fields", "title,owner__password"), ("expand", "owner")])
def test_unknown_fields_are_refused_with_the_known_ones(name, value):
    with pytest.raises(Refusal) as refused:
        cards.asked({name: value})
    assert refused.value.code == "INVALID" and "Known: " in refused.value.fields[name][0]


def test_what_is_asked_is_read():
    assert cards.asked({}) == (None, frozenset())
    assert cards.asked({"fields": " id, title,", "expand": "samples"}) == ({"id", "title"}, {"samples"})


def test_contacts_of_creators_are_for_who_may_edit(ana, bob, mod):
    """S4-05."""
    track = with_parts(make_track(ana))
    for viewer, sees in [(None, False), (bob, False), (ana, True), (mod, True)]:
        (card,) = read([track], viewer, expand=frozenset({"credits"}))
        contacts = [(row["contact_email"], row["contact_phone"]) for row in card["creators"]]
        assert (("z@example.org", "") in contacts) is sees
        assert sees or set(contacts) == {(None, None)}


def test_any_number_of_cards_is_one_prepared_statement(ana):
    tracks = [with_parts(make_track(ana)) for _ in range(3)]
    for _ in range(3):
        with CaptureQueriesContext(connection) as seen:
            read(tracks, expand=cards.KNOWN_EXPANDS)
        assert len(seen) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%asked(id, place)%'")
        assert cursor.fetchone()[0] >= 1


def test_a_prepared_statement_survives_a_change_of_its_tables(ana):
    """As a migration beside running servers makes one."""
    track = make_track(ana)
    for _ in range(3):
        read([track])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE catalog_track ADD COLUMN novelty int DEFAULT 1")
        cursor.execute("ALTER TABLE catalog_blob ALTER COLUMN mime TYPE text")
    assert read([track])[0]["title"] == track.title


def test_an_app_above_adds_its_count(ana, monkeypatch):
    """S0-12: playlist_count and post_count come from who keeps playlists and posts."""
    track = with_parts(make_track(ana))
    monkeypatch.setattr(cards, "_stats", dict(cards._stats))
    monkeypatch.setattr(cards, "SHAPE", copy(cards.SHAPE))
    cards.SHAPE.fields = dict(cards.SHAPE.fields)
    cards.extend_stats("section_count", "(SELECT count(*) FROM catalog_section WHERE track_id = catalog_track.id)")
    assert read([track])[0]["stats"]["section_count"] == 2
    assert "section_count" in cards.SHAPE.schema()["properties"]["stats"]["properties"]


def test_the_schema_tells_of_every_field_with_its_type(ana, mod):
    """One declaration for both: no field is told of that is not there, none is there that is not told of."""
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
    kinds["null"] = type(None)
    schema = cards.SHAPE.schema(cards.KNOWN_EXPANDS)
    for card in read(every_kind(ana).values(), mod, expand=cards.KNOWN_EXPANDS):
        assert set(card) == set(schema["properties"]) == set(schema["required"])
        for name, value in card.items():
            said = schema["properties"][name]["type"]
            allowed = [kinds[each] for each in (said if isinstance(said, list) else [said])]
            assert any(isinstance(value, kind) for kind in allowed), (name, value)
            assert value in schema["properties"][name].get("enum", [value]), (name, value)


def test_other_statements_show_the_card_to_who_sees_the_track_and_to_nobody_else(ana, bob, mod):
    """Joined by its id, or beside every row that was asked for; a removed one is nobody's."""
    gone = make_track(ana)
    actions.remove(track=gone, by=ana)
    tracks = [make_track(ana), make_track(ana, is_public=False), gone]
    ids, asked = [track.pk for track in tracks], "unnest(%s::uuid[]) WITH ORDINALITY AS asked(id, place)"
    for viewer, seen in ((AnonymousUser(), {0}), (bob, {0}), (ana, {0, 1}), (mod, {0, 1})):
        sql, values = cards.embedded(asked, [ids], viewer=viewer, base=BASE)
        joined = run(f"SELECT card::text FROM ({sql}) AS shown", values)
        sql, values = cards.beside(asked, [ids], viewer=viewer, base=BASE)
        found = run(f"SELECT card::text FROM ({sql}) AS shown ORDER BY place", values)
        keys = run(f"SELECT seen FROM ({sql}) AS shown ORDER BY place", values)
        assert {place for place, card in enumerate(found) if card} == seen and len(found) == 3
        assert keys == [pk if place in seen else None for place, pk in enumerate(ids)]
        assert (
            sorted(joined)
            == sorted(filter(None, found))
            == sorted(cards.read(filter(None, keys), viewer=viewer, base=BASE))
        )
