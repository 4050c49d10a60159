"""Programs of the old shape go on while the house moves, and after (S0-36, S0-37)."""

import threading
import time
import uuid
from importlib import import_module

import psycopg
import pytest
from django.db import IntegrityError, connection

from apps.social import reconciling
from tests.moves import world
from tests.moves.test_cut_off import in_small_chunks
from tests.moves.world import add_entry, add_playlist, add_post, back, forward, key, one, rows, url

ROOM = (
    ("social", "0005_community", "widen"),
    ("playlists", "0003_playlists", "widen"),
    ("social", "0006_counts", "count"),
)
PAUSE_S = 0.02  # they write all the while, and not all that the machine bears
OLD_COLUMNS = "post_type, audio_url, audio_filename, audio_duration, audio_file_size, audio_mime_type"


def track_of(post) -> uuid.UUID | None:
    return one("SELECT track_id FROM social_post WHERE id = %s", [post])


def source_of(track) -> str:
    return one("SELECT audio_url FROM catalog_providersource WHERE track_id = %s", [track])


@pytest.fixture
def moved(old):
    forward()


@pytest.fixture
def ana(moved):
    return key("user", "ana")


def test_a_new_old_post_gets_its_track_at_once_and_the_next_one_shares_it(ana):
    one_post = add_post("a", ana, url("new"))
    other = add_post("b", ana, url("new"), audio_duration=7)
    known = add_post("c", ana, url("twice"))
    assert (track_of(one_post), track_of(other), track_of(known)) == (one_post, one_post, key("post", "first"))
    assert one("SELECT title FROM catalog_track WHERE id = %s", [one_post]) == "a.mp3"
    assert one("SELECT door FROM catalog_change WHERE track_id = %s", [one_post]) == "migration"
    assert reconciling.verify().holds


def test_an_old_post_whose_file_comes_later_becomes_an_audio_post_then(ana):
    post = add_post("a", ana, None)
    assert one("SELECT post_type FROM social_post WHERE id = %s", [post]) == "text"
    rows("UPDATE social_post SET post_type = 'audio', audio_url = %s WHERE id = %s", [url("late"), post])
    assert (track_of(post), source_of(post)) == (post, url("late"))
    assert one("SELECT fate FROM social_postmove WHERE post_id = %s", [post]) == "moved"


def test_what_an_old_program_says_of_a_file_its_track_says_too(ana):
    post = key("post", "plain")
    rows("UPDATE social_post SET audio_filename = 'renamed.mp3', audio_duration = 5 WHERE id = %s", [post])
    assert rows("SELECT title, duration_ms FROM catalog_track WHERE id = %s", [post]) == [("renamed.mp3", 5000)]
    rows("UPDATE catalog_track SET title = 'By hand' WHERE id = %s", [post])
    rows("UPDATE social_post SET audio_filename = 'again.mp3' WHERE id = %s", [post])
    assert one("SELECT title FROM catalog_track WHERE id = %s", [post]) == "By hand"


def test_another_file_is_followed_where_the_track_is_the_posts_alone(ana):
    plain, first, second = (key("post", name) for name in ("plain", "first", "second"))
    rows("UPDATE social_post SET audio_url = %s WHERE id = %s", [url("other"), plain])
    assert (track_of(plain), source_of(plain)) == (plain, url("other"))
    with pytest.raises(IntegrityError, match="gave a track that others use"):
        rows("UPDATE social_post SET audio_url = %s WHERE id = %s", [url("other"), first])
    rows("UPDATE social_post SET audio_url = %s WHERE id = %s", [url("third"), second])
    assert (track_of(second), source_of(second)) == (second, url("third"))
    rows("UPDATE social_post SET audio_url = NULL, post_type = 'text' WHERE id = %s", [plain])
    assert track_of(plain) is None
    assert reconciling.verify().holds
    back()
    assert one("SELECT audio_url FROM social_post WHERE id = %s", [second]) == url("third")


def test_an_entry_that_names_a_post_comes_to_the_posts_track(ana):
    playlist = add_playlist("new", ana)
    entry = add_entry(playlist, key("post", "second"), 0)
    assert one("SELECT track_id FROM playlists_entry WHERE id = %s", [entry]) == key("post", "first")
    with pytest.raises(IntegrityError, match="This post has no audio"):
        add_entry(playlist, key("post", "text"), 1)
    with pytest.raises(IntegrityError, match="entry_track_once"):
        add_entry(playlist, key("post", "first"), 1)


def test_an_old_playlist_with_words_that_do_not_fit_is_mended_and_goes_back_as_it_was(ana):
    playlist = add_playlist("\t", ana, description=None, cover_image_url=None)
    assert rows("SELECT name, description, cover_image_url FROM playlists_playlist WHERE id = %s", [playlist]) == [
        ("Playlist - 2025-03-01", "", "")
    ]
    back()
    assert rows("SELECT name, description, cover_image_url FROM playlists_playlist WHERE id = %s", [playlist]) == [
        ("\t", None, None)
    ]


def test_an_old_program_reads_new_posts_as_its_own(ana):
    post = key("post", "new")
    rows(
        """INSERT INTO social_post (id, created_at, updated_at, author_id, content, post_type, track_id)
        VALUES (%s, now(), now(), %s, '', 'audio', %s)""",
        [post, key("user", "bob"), key("post", "plain")],
    )
    assert rows(f"SELECT {OLD_COLUMNS} FROM social_post WHERE id = %s", [post]) == [
        ("audio", url("plain"), "plain.mp3", 180, None, None)
    ]


def test_an_old_program_that_corrects_a_new_post_leaves_it_its_track(ana):
    """A track of this site has no address of another one, which is no reason to set its post apart."""
    rows("DELETE FROM catalog_providersource WHERE track_id = %s", [key("post", "plain")])
    post = key("post", "new")
    rows(
        """INSERT INTO social_post (id, created_at, updated_at, author_id, content, post_type, track_id)
        VALUES (%s, now(), now(), %s, '', 'audio', %s)""",
        [post, key("user", "bob"), key("post", "plain")],
    )
    assert one("SELECT audio_url FROM social_post WHERE id = %s", [post]).startswith("/api/v1/tracks/")
    rows("UPDATE social_post SET audio_filename = 'better.mp3', audio_duration = 7 WHERE id = %s", [post])
    assert (track_of(post), one("SELECT post_type FROM social_post WHERE id = %s", [post])) == (
        key("post", "plain"), "audio",
    )  # fmt: skip
    assert one("SELECT count(*) FROM social_postmove WHERE post_id = %s", [post]) == 0


class Writer(threading.Thread):
    """An old program that posts, changes, lists and deletes for as long as the house moves."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self.number, self.over = number, threading.Event()
        self.kept: dict[uuid.UUID, tuple] = {}
        self.errors: list[str] = []
        self.rounds = 0
        values = connection.get_connection_params()
        self.values = {name: values[name] for name in ("dbname", "user", "password", "host", "port") if name in values}

    def run(self) -> None:
        with psycopg.connect(**self.values, autocommit=True) as mine:
            while not self.over.is_set():
                try:
                    self._round(mine)
                except psycopg.Error as error:
                    self.errors.append(str(error))
                self.rounds += 1
                self.over.wait(PAUSE_S)

    def _round(self, mine: psycopg.Connection) -> None:
        person, post = world.key("user", "ana"), uuid.uuid4()
        address = None if self.rounds % 7 == 6 else url(f"live-{self.number}-{self.rounds % 5}")
        said = ["audio", address, f"{self.rounds}.mp3", 60, 1000, world.MIME]
        mine.execute(
            f"""INSERT INTO social_post (id, created_at, updated_at, author_id, content, {OLD_COLUMNS})
            VALUES (%s, now(), now(), %s, 'live', %s, %s, %s, %s, %s, %s)""",
            [post, person, *said],
        )
        mine.execute("UPDATE social_post SET audio_filename = 'late.mp3' WHERE id = %s", [post])
        said[2] = "late.mp3"
        if self.rounds % 4 == 3:
            mine.execute("DELETE FROM social_post WHERE id = %s", [post])
            return
        self.kept[post] = tuple(said)
        if address:
            mine.execute(
                """INSERT INTO playlists_entry (id, playlist_id, track_id, position, added_at)
                SELECT gen_random_uuid(), %s, %s, coalesce(max(position), -1) + 1, now() FROM playlists_entry
                WHERE playlist_id = %s ON CONFLICT (playlist_id, track_id) DO NOTHING""",
                [world.key("playlist", f"live {self.number}"), post, world.key("playlist", f"live {self.number}")],
            )


def test_old_programs_write_all_the_while_and_nothing_of_theirs_is_lost(old):
    writers = [Writer(number) for number in range(3)]
    for writer in writers:
        add_playlist(f"live {writer.number}", key("user", "bob"))
        writer.start()
    try:
        with in_small_chunks(3):
            forward()
    finally:
        for writer in writers:
            writer.over.set()
            writer.join()
    assert [error for writer in writers for error in writer.errors] == []
    assert min(writer.rounds for writer in writers) > 5
    verified = reconciling.verify()
    assert verified.against == dict.fromkeys(verified.against, 0)
    back()
    kept = {post: said for writer in writers for post, said in writer.kept.items()}
    now = rows(f"SELECT id, {OLD_COLUMNS} FROM social_post WHERE id = ANY(%s)", [list(kept)])
    assert {pk: tuple(said) for pk, *said in now} == kept


def test_old_programs_write_while_there_comes_room_for_the_community(old):
    """S0-36: for hiding, for members, and for counting."""
    forward()
    writers = [Writer(number) for number in range(3)]
    for writer in writers:
        add_playlist(f"live {writer.number}", key("user", "bob"))
        writer.start()
    try:
        for app, migration, step in ROOM:
            getattr(import_module(f"apps.{app}.migrations.{migration}"), step)()
            rounds = [writer.rounds for writer in writers]
            while any(writer.rounds <= so_far for writer, so_far in zip(writers, rounds, strict=True)):
                time.sleep(0.01)
    finally:
        for writer in writers:
            writer.over.set()
            writer.join()
    assert [error for writer in writers for error in writer.errors] == []
    now = {pk for (pk,) in rows("SELECT id FROM social_post")}
    assert now >= {post for writer in writers for post in writer.kept}


def test_whose_first_post_went_before_its_turn_looks_for_its_track_again(old):
    """A later post is moved, then the first one of its file is deleted by an old program, then the move goes on."""
    first, second, again = key("post", "first"), key("post", "second"), key("post", "again")
    add_post("again", key("user", "ana"), url("twice"), minute=30)
    world.PHASES[0][1]()
    rows("SELECT set_config('keeptrack.separating', 'on', false)")
    rows("UPDATE social_post SET track_id = %s WHERE id = %s", [first, second])
    rows("SELECT set_config('keeptrack.separating', '', false)")
    for statement in ("social_like WHERE post_id", "social_comment WHERE post_id", "playlists_entry WHERE track_id",
                      "social_post WHERE id"):  # fmt: skip
        rows(f"DELETE FROM {statement} = %s", [first])
    forward()
    assert track_of(second) == track_of(again) == second
    assert reconciling.verify().holds
