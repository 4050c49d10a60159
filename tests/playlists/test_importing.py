"""A playlist file comes in: matched, filled in the file's order, settled by hand, never half (Build 7)."""

import io
import json
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection

from apps.accounts import departure
from apps.accounts.models import User
from apps.catalog import actions as catalog
from apps.catalog.models import Track
from apps.lib import clock
from apps.lib.errors import Refusal
from apps.playlists import actions, exporting, importing
from apps.playlists.models import Entry, Import, ImportLine, Playlist
from tests.lib.threads import side_by_side
from tests.make import make_playlist, make_track, make_user

pytestmark = pytest.mark.django_db

BASE = "https://keep.example"


def jspf(*tracks: dict, **facts) -> str:
    return json.dumps({"playlist": {"title": "Theirs", "track": list(tracks), **facts}})


def begun(by, content: str | bytes, **facts) -> Import:
    data = content.encode() if isinstance(content, str) else content
    return importing.begin(content=io.BytesIO(data), file_name="list.jspf", by=by, **facts)


def brought(by, content: str | bytes, **facts) -> Import:
    """Begun and worked off."""
    imported = begun(by, content, **facts)
    assert importing.work(seconds=60) == 1
    imported.refresh_from_db()
    assert imported.state == "done", imported.error_message
    return imported


def named(*tracks: Track) -> str:
    return jspf(*({"identifier": f"urn:uuid:{track.pk}"} for track in tracks))


def outcomes(imported: Import) -> list[str]:
    return list(imported.lines.order_by("number").values_list("outcome", flat=True))


def titles(playlist: Playlist) -> list[str]:
    return list(playlist.entries.order_by("position").values_list("track__title", flat=True))


def code(call, **facts) -> str:
    with pytest.raises(Refusal) as refusal:
        call(**facts)
    return refusal.value.code


def line(imported: Import, number: int) -> ImportLine:
    return imported.lines.get(number=number)


# --- Round trips --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", exporting.FORMATS)
def test_an_export_comes_in_as_the_same_playlist(ana, form):
    tracks = [make_track(ana, title=title) for title in ("One, two", "A - B", "Ünï 🎵 <&>", "same", "same")]
    playlist = make_playlist(ana, *reversed(tracks), name='My "list"\u2028🎵', description="Two\nlines")
    data = exporting.export(playlist, viewer=ana, form=form, base=BASE)
    again = brought(ana, data).playlist
    assert again != playlist and again.owner == ana and not Playlist.objects.public().filter(pk=again.pk).exists()
    assert list(again.entries.order_by("position").values_list("track", flat=True)) == [t.pk for t in reversed(tracks)]
    assert again.name == 'My "list" 🎵'
    assert again.description == ("" if form == "m3u8" else "Two\nlines")


# --- Into which playlist ------------------------------------------------------------------------------------------
def test_tracks_come_behind_what_a_playlist_has_in_the_order_of_the_file(ana):
    one, two, three = (make_track(ana, title=title) for title in ("one", "two", "three"))
    playlist = make_playlist(ana, one)
    version = playlist.version
    brought(ana, named(three, two), playlist=playlist)
    playlist.refresh_from_db()
    assert titles(playlist) == ["one", "three", "two"] and playlist.version == version + 1
    assert set(Entry.objects.values_list("added_by", flat=True)) == {ana.pk}


def test_a_new_playlist_takes_the_name_that_is_said_else_the_files(ana):
    assert begun(ana, named(), name="Mine").playlist.name == "Mine"
    assert begun(ana, named()).playlist.name == "Theirs"
    assert begun(ana, "title\nx\n").playlist.name == "list"
    assert code(begun, by=ana, content=named(), name="x", playlist=make_playlist(ana)) == "INVALID"
    assert code(begun, by=ana, content=named(), name="x" * 256) == "INVALID"


def test_a_track_comes_once(ana):
    one, two = make_track(ana, title="one"), make_track(ana, title="two")
    imported = brought(ana, named(two, one, two), playlist=make_playlist(ana, one))
    assert outcomes(imported) == ["added", "double", "double"]
    assert titles(imported.playlist) == ["one", "two"]


def test_a_full_playlist_takes_no_more(ana, settings):
    settings.PLAYLIST_MAX_ENTRIES = 2
    tracks = [make_track(ana, title=title) for title in ("one", "two", "three")]
    imported = brought(ana, named(*tracks[1:]), playlist=make_playlist(ana, tracks[0]))
    assert outcomes(imported) == ["added", "full"]
    assert code(begun, by=ana, content=named(*tracks)) == "PLAYLIST_TOO_LONG"


def test_who_may_not_fill_it_any_more_brings_nothing_in(ana, bob):
    playlist = make_playlist(ana, is_public=True)
    imported = begun(bob, named(make_track(ana)), playlist=playlist)
    importing.work(seconds=60)
    imported.refresh_from_db()
    assert (imported.state, imported.error_code) == ("failed", "FORBIDDEN")
    assert not playlist.entries.exists()


def test_a_file_for_a_playlist_that_was_deleted_meanwhile_is_refused(ana):
    playlist = make_playlist(ana)
    actions.delete(playlist=Playlist.objects.get())
    assert code(begun, by=ana, content=named(), playlist=playlist) == "NOT_FOUND"
    assert not Import.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("by_hand", [False, True])
def test_who_leaves_while_their_tracks_come_in_waits_and_nobody_waits_for_ever(monkeypatch, by_hand):
    """People are locked first by everybody."""
    ana, bob = make_user("ana"), make_user("bob")
    track, playlist = make_track(ana), make_playlist(bob)
    imported = begun(bob, jspf({"title": "x"}) if by_hand else named(track), playlist=playlist)
    if by_hand:
        importing.work(seconds=60)
    hold, leaving = importing.positions.hold, ThreadPoolExecutor(1)

    def hold_while_they_leave(*facts):
        held = hold(*facts)
        if not left:
            left.append(leaving.submit(leave))
            until_they_wait(left[0])
        return held

    def leave():
        try:
            departure.part(user=User.objects.get(pk=bob.pk), tracks="remove")
        finally:
            connection.close()

    left: list[Future] = []
    with monkeypatch.context() as patched:
        patched.setattr(importing.positions, "hold", hold_while_they_leave)
        if by_hand:
            importing.resolve(line=line(imported, 1), track_id=track.pk, by=bob)
        else:
            importing.work(seconds=60)
    left[0].result(timeout=20)
    assert not User.objects.filter(pk=bob.pk).exists() and not Import.objects.exists()


def until_they_wait(other: Future) -> None:
    """For what this transaction has locked."""
    waiting = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    with connection.cursor() as cursor:
        while not cursor.execute(waiting).fetchall():
            assert not other.done()


# --- Nothing half -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"hello", b"<!DOCTYPE x><playlist/>", b"title\n" + b"x\n" * 10_001])
def test_a_bad_file_leaves_nothing(ana, data):
    code(begun, by=ana, content=data)
    assert not Import.objects.exists() and not Playlist.objects.exists()


def test_a_file_that_is_too_large_is_refused(ana, settings):
    settings.PLAYLIST_FILE_MAX_BYTES = 1000
    assert code(begun, by=ana, content="title\n" + "x" * 1000) == "FILE_TOO_LARGE"


def test_addresses_are_compared_and_never_fetched(ana):
    rows = [
        {"location": said, "title": "x"} for said in ("file:///etc/passwd", "http://169.254.169.254/x", "C:\\a\\b.mp3")
    ]
    imported = brought(ana, jspf(*rows))
    assert outcomes(imported) == ["unresolved"] * 3
    assert line(imported, 1).location == "file:///etc/passwd"


def test_unfinished_files_and_kept_reports_of_a_person_are_bounded(ana, bob, monkeypatch):
    for _ in range(importing.MOST_UNFINISHED):
        begun(ana, named())
    assert code(begun, by=ana, content=named()) == "IMPORTS_WAITING"
    begun(bob, named())
    importing.work(seconds=60)
    monkeypatch.setattr(importing, "MOST_KEPT", importing.MOST_UNFINISHED)
    assert code(begun, by=ana, content=named()) == "IMPORTS_KEPT"


@pytest.mark.django_db(transaction=True)
def test_of_many_files_sent_at_once_no_more_wait_than_may():
    ana = make_user("ana")
    done = side_by_side(*[partial(begun, ana, named())] * 9)
    assert [getattr(each, "code", "") for each in done].count("IMPORTS_WAITING") == 4
    assert Import.objects.count() == Playlist.objects.count() == importing.MOST_UNFINISHED


# --- The worker ---------------------------------------------------------------------------------------------------
def test_a_killed_workers_file_is_gone_on_with(ana, monkeypatch):
    tracks = [make_track(ana, title=str(n)) for n in range(5)]
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    imported = begun(ana, named(*tracks))
    [mine] = importing.claim(limit=1)

    class Killed(BaseException): ...

    looked = []

    def look_for(imported, first, last, look=importing.matching.look_for):
        if looked:
            raise Killed
        looked.append(look(imported, first, last))

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(importing.matching, "look_for", look_for)
        importing.run(mine)
    imported.refresh_from_db()
    assert (imported.state, imported.lines_done) == ("running", 2)
    Import.objects.update(lease_until=clock.now())
    assert importing.work(seconds=60) == 1
    imported.refresh_from_db()
    assert (imported.state, imported.crashes) == ("done", 1)
    assert titles(imported.playlist) == list("01234")


def test_who_lost_the_file_to_another_worker_writes_nothing(ana):
    imported = begun(ana, named(make_track(ana)))
    [mine] = importing.claim(limit=1)
    Import.objects.update(token=mine.token + 1)
    assert not importing.run(mine)
    assert not imported.playlist.entries.exists() and outcomes(imported) == ["waiting"]


def test_a_small_file_is_done_while_its_sender_waits_and_a_large_one_is_not(ana, monkeypatch):
    imported = begun(ana, named(make_track(ana)))
    assert importing.finish_if_small(imported)
    assert titles(imported.playlist) == ["Night Train"]
    monkeypatch.setattr(importing, "WHILE_WAITING", 0)
    assert not importing.finish_if_small(begun(ana, named(make_track(ana))))


def test_a_failed_file_is_tried_anew(ana):
    imported = begun(ana, named(make_track(ana)))
    assert code(importing.retry, imported=imported) == "CONFLICT"
    Import.machine.move_all(Import.objects.all(), "failed", error_code="CRASHED")
    imported.refresh_from_db()
    importing.retry(imported=imported)
    assert importing.work(seconds=60) == 1
    assert titles(imported.playlist) == ["Night Train"]


def test_a_report_goes_and_what_came_in_stays(ana):
    imported = brought(ana, named(make_track(ana)))
    playlist = imported.playlist
    importing.forget(imported=imported)
    assert titles(playlist) == ["Night Train"] and not ImportLine.objects.exists()


def test_a_track_that_was_hidden_meanwhile_does_not_come_in(ana, bob):
    track = make_track(ana)
    imported = begun(bob, named(track))
    importing.matching.look_for(imported, 1, 1)
    assert outcomes(imported) == ["found"]
    catalog.edit(track=track, by=ana, is_public=False)
    importing.work(seconds=60)
    assert outcomes(imported) == ["unresolved"] and not imported.playlist.entries.exists()


def test_outcomes_are_counted(ana):
    imported = brought(ana, jspf({"title": "x"}, {"identifier": f"urn:uuid:{make_track(ana).pk}"}))
    assert importing.counts(imported)[imported.pk] == {
        **dict.fromkeys(ImportLine.Outcome.values, 0), "unresolved": 1, "added": 1,
    }  # fmt: skip


# --- By hand ------------------------------------------------------------------------------------------------------
def with_gaps(ana) -> tuple[Import, list[Track]]:
    """Six lines, of which the second and the fifth name a track."""
    tracks = [make_track(ana, title=title) for title in "abcdef"]
    rows = [{"identifier": f"urn:uuid:{t.pk}"} if t.title in "be" else {"title": "unheard of"} for t in tracks]
    return brought(ana, jspf(*rows)), tracks


def test_a_line_that_is_settled_later_comes_to_its_place(ana):
    imported, tracks = with_gaps(ana)
    for number in (6, 1, 4, 3):
        importing.resolve(line=line(imported, number), track_id=tracks[number - 1].pk, by=ana)
    assert titles(imported.playlist) == list("abcdef")
    assert line(imported, 4).how == "person" and outcomes(imported) == ["added"] * 6


def test_its_place_is_beside_its_neighbours_wherever_they_stand_by_now(ana):
    imported, tracks = with_gaps(ana)
    first = imported.playlist.entries.order_by("position").first()
    actions.move(entry=first, position=1)  # e b
    importing.resolve(line=line(imported, 3), track_id=tracks[2].pk, by=ana)
    assert titles(imported.playlist) == list("ebc")
    Entry.objects.all().delete()
    importing.resolve(line=line(imported, 1), track_id=tracks[0].pk, by=ana)
    assert titles(imported.playlist) == ["a"]


def test_what_is_settled_by_hand_obeys_the_rules_of_adding(ana, bob):
    imported, tracks = with_gaps(ana)
    first, secret = line(imported, 1), make_track(bob, is_public=False)
    assert code(importing.resolve, line=first, track_id=tracks[1].pk, by=ana) == "TRACK_ALREADY_IN_PLAYLIST"
    assert code(importing.resolve, line=first, track_id=uuid.uuid4(), by=ana) == "TRACK_NOT_FOUND"
    assert code(importing.resolve, line=first, track_id=secret.pk, by=ana) == "TRACK_FORBIDDEN"
    assert outcomes(imported)[0] == "unresolved" and titles(imported.playlist) == list("be")


def test_a_line_in_the_playlist_is_settled(ana):
    imported, tracks = with_gaps(ana)
    assert code(importing.resolve, line=line(imported, 2), track_id=tracks[0].pk, by=ana) == "CONFLICT"
    assert code(importing.ignore, line=line(imported, 2)) == "CONFLICT"


def test_a_line_whose_entry_was_taken_out_is_settled_anew(ana):
    """Its track was the wrong one."""
    imported, tracks = with_gaps(ana)
    actions.remove(entry=Entry.objects.get(track=tracks[1]))
    assert code(importing.ignore, line=line(imported, 2)) == "CONFLICT"
    importing.resolve(line=line(imported, 2), track_id=tracks[0].pk, by=ana)
    assert titles(imported.playlist) == list("ae") and line(imported, 2).track == tracks[0]
    assert code(importing.resolve, line=line(imported, 2), track_id=tracks[2].pk, by=ana) == "CONFLICT"


@pytest.mark.django_db(transaction=True)
def test_of_many_who_settle_one_line_at_once_one_does():
    ana = make_user("ana")
    imported, tracks = with_gaps(ana)
    # What the playlist has already is refused for that, when it comes first.
    new = [track for track in tracks if track.title not in "be"]
    calls = (partial(importing.resolve, line=line(imported, 1), track_id=track.pk, by=ana) for track in new)
    done = side_by_side(*calls, partial(importing.resolve, line=line(imported, 1), track_id=tracks[0].pk, by=ana))
    said = [getattr(each, "code", "settled") for each in done]
    assert said.count("settled") == 1 and set(said) == {"settled", "CONFLICT"}
    assert imported.playlist.entries.count() == 3 and line(imported, 1).track_id in [track.pk for track in new]


def test_a_line_is_left_out_and_looked_at_again(ana):
    imported, tracks = with_gaps(ana)
    importing.ignore(line=line(imported, 1))
    assert outcomes(imported)[0] == "ignored"
    importing.ignore(line=line(imported, 1), yes=False)
    importing.resolve(line=line(imported, 1), track_id=tracks[0].pk, by=ana)
    assert titles(imported.playlist) == list("abe")


def test_lines_are_settled_when_their_file_is_done(ana):
    imported = begun(ana, jspf({"title": "x"}))
    assert code(importing.resolve, line=line(imported, 1), track_id=make_track(ana).pk, by=ana) == "CONFLICT"
    assert code(importing.ignore, line=line(imported, 1)) == "CONFLICT"


def test_statements_do_not_grow_with_the_lines(ana, django_assert_max_num_queries):
    tracks = [make_track(ana, title=str(n)) for n in range(30)]
    begun(ana, named(*tracks[:1]))
    with django_assert_max_num_queries(60) as few:
        importing.work(seconds=60)
    begun(ana, named(*tracks))
    with django_assert_max_num_queries(60) as many:
        importing.work(seconds=60)
    assert len(few) == len(many)


def test_somebody_elses_imports_are_nobodys_business(ana, bob):
    imported = begun(make_user("eve"), named())
    assert not Import.objects.visible_to(bob).exists()
    assert not ImportLine.objects.visible_to(bob).filter(imported=imported).exists()
