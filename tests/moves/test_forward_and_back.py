"""The separation over every defect: forward, asked, back to the bit, forward again (S0-31 … S0-36, S0-42)."""

import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.exceptions import IrreversibleError

from apps.catalog import clearance
from apps.catalog.models import Track
from apps.social import reconciling
from tests.moves import world
from tests.moves.world import add_entry, add_post, back, forward, key, one, rows, to, url


def fate_of(post: str) -> tuple:
    found = rows("SELECT fate, track_id, mended FROM social_postmove WHERE post_id = %s", [key("post", post)])[0]
    return *found[:2], json.loads(found[2] or "null")


def listed(playlist: str) -> list[tuple]:
    """(place, name of the post whose track it is)."""
    found = rows(
        "SELECT position, track_id FROM playlists_entry WHERE playlist_id = %s ORDER BY position",
        [key("playlist", playlist)],
    )
    names = {
        key("post", name): name for name in ("plain", "first", "second", "of bob", "elsewhere", "no name", "blank name")
    }
    return [(position, names[track]) for position, track in found]


def left_out(playlist: str) -> dict:
    found = rows(
        "SELECT fate, count(*) FROM playlists_entrymove WHERE playlist_id = %s GROUP BY fate",
        [key("playlist", playlist)],
    )
    return dict(found)


def tell(*words: str) -> str:
    out = StringIO()
    call_command("separation", *words, stdout=out)
    return out.getvalue()


def test_up_down_up_is_the_same_to_the_bit(old, unbroken):
    """S0-34, S0-36: nothing is lost, and what was done once is done again in the same way."""
    shape = world.shape()
    to(world.NEW)
    moved, new_shape = world.checksums(world.NEW_ROWS), world.shape()
    assert moved == unbroken[1]
    assert reconciling.verify().holds
    to(world.OLD)
    assert world.checksums(world.OLD_ROWS) == unbroken[0]
    assert world.shape() == shape
    to(world.NEW)
    assert (world.checksums(world.NEW_ROWS), world.shape()) == (moved, new_shape)
    assert one("SELECT max(number) = count(*) FROM catalog_track")


def test_every_defect_is_decided_and_told(old):
    """S0-42."""
    forward()
    first = key("post", "first")
    assert fate_of("first") == ("moved", first, None)
    assert fate_of("second") == ("shared", first, {"audio_duration": 181, "audio_filename": "other.mp3"})
    assert fate_of("of bob")[:2] == ("moved", key("post", "of bob"))
    for name, fate in (("no url", "no_url"), ("blank url", "no_url"), ("bad url", "bad_url"), ("long url", "bad_url")):
        assert fate_of(name) == (fate, None, {"post_type": "audio"})
        assert one("SELECT post_type FROM social_post WHERE id = %s", [key("post", name)]) == "text"
    tracks = dict(rows("SELECT id, (title, duration_ms) FROM catalog_track"))
    assert tracks[key("post", "no name")] == ("Audio Track - 2025-03-01", "180000")
    assert tracks[key("post", "blank name")][0] == "Audio Track - 2025-03-01"
    assert tracks[key("post", "long name")][0] == "Ü" * 255
    assert fate_of("long name")[2] == {"audio_filename": "  " + "Ü" * 300}
    assert tracks[key("post", "no duration")][1] is tracks[key("post", "less than none")][1] is None
    assert fate_of("less than none")[2] == {"audio_duration": -5}
    assert tracks[key("post", "very long")][1] == "2147483647000"
    assert one("SELECT audio_url FROM catalog_providersource WHERE track_id = %s", [key("post", "spaced url")]) == url(
        "spaced"
    )


def test_playlists_list_each_track_once_at_its_first_place(old):
    """S0-33, S0-42: what could not stay is kept with its reason."""
    forward()
    assert listed("both") == [(0, "plain"), (1, "first"), (5, "of bob")]
    assert left_out("both") == {"repointed": 1, "double": 1, "text": 1, "quarantined": 1, "missing": 1}
    assert listed("canonical later") == [(3, "first")]
    assert listed("only the second") == [(0, "first")]
    assert listed("crowded") == [(0, "plain"), (1, "elsewhere"), (2, "first"), (3, "no name"), (4, "blank name")] or [
        place for place, _ in listed("crowded")
    ] == [0, 1, 2, 3, 4]
    names = dict(rows("SELECT id, name FROM playlists_playlist"))
    assert names[key("playlist", " ")] == "Playlist - 2025-03-01"
    assert names[key("playlist", "n" * 300)] == "n" * 255


def test_a_moved_track_is_what_the_catalogue_would_have_made(old):
    """Its verdict is the catalogue's, its history says by which door it came, it is found and it plays."""
    forward()
    assert one(
        "SELECT count(*) FROM catalog_change WHERE action = 'I' AND door = 'migration' AND by_id IS NULL"
    ) == one("SELECT count(*) FROM catalog_track")
    assert clearance.judge(Track.objects.values_list("pk", flat=True)) == 0
    assert (
        one("SELECT count(*) FROM catalog_track WHERE search @@ to_tsquery('keeptrack', 'plain') AND status = 'ready'")
        == 1
    )
    assert one("SELECT hosts FROM catalog_provider WHERE code = 'community'") == [
        "cdn.example.org",
        "files.elsewhere.example",
    ]


def test_the_figures_add_up(old):
    """S0-35: nobody is lost between before and after."""
    before = json.loads(tell("plan", "--json"))
    forward()
    verified = json.loads(tell("verify", "--json"))
    posts, entries = verified["posts"], verified["entries"]
    assert verified["holds"] and not any(verified["against"].values())
    assert posts["moved"] == before["tracks to make"] == verified["counts"]["tracks"]
    assert posts["shared"] == before["posts that share a track"]
    assert posts["no_url"] + posts["bad_url"] == (
        before["audio posts without an address"] + before["audio posts with an address that leads nowhere"]
    )
    assert sum(posts.values()) == before["posts"]
    assert sum(entries.values()) == before["playlist entries"]
    assert entries["text"] == before["entries of text posts"]
    assert entries["missing"] == before["entries of missing posts"]
    report = json.loads(tell("report", "--json", "--most", "1000"))
    assert len(report["set apart"]) == posts["no_url"] + posts["bad_url"]
    assert len(report["entries left out"]) == sum(
        entries[fate] for fate in ("double", "text", "missing", "quarantined")
    )
    assert {"id": str(key("post", "bad url")), "why": "bad_url"}.items() <= next(
        row for row in report["set apart"] if row["id"] == str(key("post", "bad url"))
    ).items()
    assert "cdn.example.org" in tell("report")
    with pytest.raises(CommandError, match="has begun"):
        tell("plan")


def test_what_is_wrong_is_told(old):
    forward()
    rows("ALTER TABLE social_post DROP CONSTRAINT post_audio_has_track")
    rows("UPDATE social_post SET track_id = NULL WHERE id = %s", [key("post", "plain")])
    rows("DELETE FROM catalog_change WHERE track_id = %s", [key("post", "first")])
    with pytest.raises(CommandError, match="orphaned_audio_posts 1, moved_tracks_without_history 1"):
        tell("verify")
    with pytest.raises(CommandError, match="does not hold"):
        tell("drop")


def add_upload(pk: uuid.UUID) -> uuid.UUID:
    """A track that somebody made after the move."""
    rows(
        """INSERT INTO catalog_track (id, created_at, updated_at, owner_id, kind, status, title, artist, description,
            is_public, is_pro_only, genre, subgenre, mode, mood, tags, catalog_number, isrc, popularity_score, play_count,
            clearance, clearance_reasons) SELECT %s, created_at, updated_at, owner_id, kind, status, 'Mine', artist, '',
            is_public, is_pro_only, genre, subgenre, mode, mood, tags, '', '', 0, 0, clearance, clearance_reasons
        FROM catalog_track WHERE id = %s""",
        [pk, key("post", "plain")],
    )
    return pk


def test_what_people_made_after_the_move_survives_the_way_back(old):
    """S0-34: uploads, texts, likes, and new posts and entries of moved tracks, which old programs read as their own."""
    forward()
    ana, upload = key("user", "ana"), key("track", "upload")
    add_upload(upload)
    add_post("new text", ana, kind="text")
    rows(
        """INSERT INTO social_post (id, created_at, updated_at, author_id, content, post_type, track_id)
        VALUES (%s, now(), now(), %s, 'again', 'audio', %s)""",
        [key("post", "new audio"), ana, key("post", "first")],
    )
    add_entry(key("playlist", "empty"), key("post", "plain"), 0)
    rows(
        "INSERT INTO social_like (post_id, user_id, created_at) VALUES (%s, %s, now())", [key("post", "new audio"), ana]
    )
    back()
    assert rows("SELECT id, title FROM catalog_track") == [(upload, "Mine")]
    assert rows(
        "SELECT audio_url, audio_filename, audio_duration FROM social_post WHERE id = %s", [key("post", "new audio")]
    ) == [(url("twice"), "first.mp3", 180)]
    assert one("SELECT count(*) FROM social_post WHERE id = %s", [key("post", "new text")]) == 1
    assert one("SELECT track_id FROM playlists_entry WHERE playlist_id = %s", [key("playlist", "empty")]) == key(
        "post", "plain"
    )
    assert one("SELECT count(*) FROM social_like WHERE post_id = %s", [key("post", "new audio")]) == 1
    forward()
    assert one("SELECT number FROM catalog_track WHERE id = %s", [upload]) < one(
        "SELECT min(number) FROM catalog_track WHERE id <> %s", [upload]
    )
    assert fate_of("new audio")[:2] == ("shared", key("post", "first"))


@pytest.mark.parametrize("uploads", [1, 50], ids=["few", "most"])
def test_tracks_that_stay_keep_their_rows_and_their_history_goes_on(old, uploads):
    """Where nearly all go, the table is emptied and those few put back; where most stay, the others are deleted."""
    forward()
    for number in range(uploads):
        add_upload(key("track", number))
    rows("ANALYZE catalog_track, catalog_change")
    mine = "SELECT track::text FROM catalog_track AS track WHERE title = 'Mine' ORDER BY id"
    history = (
        "SELECT change::text FROM catalog_change AS change WHERE track_id IN (SELECT id FROM catalog_track) ORDER BY id"
    )
    tracks, changes = rows(mine), rows(history.replace("catalog_track)", "catalog_track WHERE title = 'Mine')"))
    assert len(tracks) == len(changes) == uploads
    back()
    assert (rows(mine), rows(history)) == (tracks, changes)
    rows("UPDATE catalog_track SET title = 'Other'")
    assert len(rows(history)) == 2 * uploads


def change_a_title() -> None:
    rows("UPDATE catalog_track SET title = 'Better' WHERE id = %s", [key("post", "plain")])


def credit_somebody() -> None:
    rows(
        """INSERT INTO catalog_credit (id, created_at, updated_at, track_id, name, role, ipi, pro, contact_email, contact_phone)
        VALUES (gen_random_uuid(), now(), now(), %s, 'Bo', 'composer', '', '', '', '')""",
        [key("post", "plain")],
    )


def post_an_upload() -> None:
    rows(
        """INSERT INTO social_post (id, created_at, updated_at, author_id, content, post_type, track_id)
        VALUES (gen_random_uuid(), now(), now(), %s, 'mine', 'audio', %s)""",
        [key("user", "ana"), add_upload(key("track", "upload"))],
    )


def list_an_upload() -> None:
    add_entry(key("playlist", "empty"), add_upload(key("track", "upload")), 0)


def delete_a_listed_post() -> None:
    rows("DELETE FROM social_post WHERE id = %s", [key("post", "plain")])


def add_a_file() -> None:
    rows(
        """WITH kept AS (INSERT INTO catalog_blob (id, created_at, updated_at, sha256, key, size, mime, extension, verified_at)
            VALUES (gen_random_uuid(), now(), now(), repeat('a', 64), 'k', 1, 'audio/mpeg', 'mp3', now()) RETURNING id)
        INSERT INTO catalog_trackfile (id, created_at, updated_at, track_id, blob_id, role, codec, compression_ratio,
            compression_applied) SELECT gen_random_uuid(), now(), now(), %s, id, 'original', '', 1, false FROM kept""",
        [key("post", "plain")],
    )


@pytest.mark.parametrize(
    ("built", "said"),
    [
        (change_a_title, "moved tracks that people changed"),
        (credit_somebody, "moved tracks named in catalog_credit"),
        (post_an_upload, "posts of tracks that were no post's audio before"),
        (list_an_upload, "playlist entries of tracks that were no post's audio before"),
        (delete_a_listed_post, "playlist entries of tracks whose first post was deleted"),
        (add_a_file, "moved tracks with files that the archive did not fetch"),
    ],
)
def test_the_way_back_is_refused_with_a_list_before_anything_is_touched(old, built, said):
    """S0-34: what people built on moved tracks is not taken from them."""
    forward()
    built()
    before, shape = world.checksums(world.NEW_ROWS), world.shape()
    with pytest.raises(IrreversibleError, match=said) as refused:
        back()
    assert "Nothing was touched" in str(refused.value)
    assert (world.checksums(world.NEW_ROWS), world.shape()) == (before, shape)
    assert said in tell("report")


def test_the_switch_keeps_what_only_the_old_columns_knew_and_closes_the_way_back(old):
    """S0-33, phase 5."""
    forward()
    said = dict(rows("SELECT id, (audio_url, audio_filename, audio_file_size)::text FROM social_post"))
    assert "now" in tell("drop")
    assert "already" in tell("drop")
    assert not rows(
        "SELECT FROM information_schema.columns WHERE column_name LIKE 'audio\\_%' AND table_name = 'social_post'"
    )
    assert fate_of("plain")[2] == {"audio_file_size": 4_000_000, "audio_mime_type": world.MIME}
    assert fate_of("bad url")[2]["audio_url"] == "blob:nowhere"
    assert fate_of("text with leftovers") == (
        "leftover",
        None,
        {"audio_url": url("leftover"), "audio_filename": "leftover.mp3"},
    )
    assert said and json.loads(tell("verify", "--json"))["holds"]
    assert "dropped" in tell("report")
    with pytest.raises(IrreversibleError, match="no way back"):
        back()


def test_of_a_removed_track_the_old_columns_say_nothing_either(old):
    """C-07; and that it was removed is not in the way of going back."""
    forward()
    rows(
        "UPDATE catalog_track SET status = 'removed', removed_at = now(), title = '' WHERE id = %s",
        [key("post", "first")],
    )
    for name in ("first", "second"):
        assert rows(
            "SELECT audio_url, audio_filename, audio_file_size FROM social_post WHERE id = %s", [key("post", name)]
        ) == [(None,) * 3]
        assert fate_of(name)[2] is None
    rows("DELETE FROM playlists_entry WHERE track_id = %s", [key("post", "first")])
    back()
    assert one("SELECT post_type FROM social_post WHERE id = %s", [key("post", "first")]) == "audio"


def test_of_a_deleted_post_and_playlist_and_of_who_left_nothing_is_kept(old):
    """C-07: what was mended are words of people too."""
    forward()
    rows("DELETE FROM social_post WHERE id = %s", [key("post", "long name")])
    assert fate_of("long name") == ("moved", key("post", "long name"), None)
    playlist = key("playlist", "n" * 300)
    assert one("SELECT count(*) FROM playlists_playlistmend WHERE playlist_id = %s", [playlist]) == 1
    rows("DELETE FROM playlists_playlist WHERE id = %s", [playlist])
    assert one("SELECT count(*) FROM playlists_playlistmend WHERE playlist_id = %s", [playlist]) == 0
    rows("ALTER TABLE social_post ALTER author_id DROP NOT NULL")
    rows("UPDATE social_post SET author_id = NULL WHERE id = %s", [key("post", "second")])
    assert rows("SELECT audio_url, audio_filename FROM social_post WHERE id = %s", [key("post", "second")]) == [
        (None, None)
    ]
    assert fate_of("second") == ("shared", key("post", "first"), None)
    assert reconciling.verify().holds
