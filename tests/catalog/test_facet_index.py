"""The index follows the history: what was committed is counted, however late, and nothing else is."""

import threading

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

from apps.catalog import actions, facet_index, facets, history
from apps.catalog.models import Instrument, Track
from tests.catalog.test_facets import asked, kept  # noqa: F401
from tests.make import make_track, make_user

pytestmark = pytest.mark.usefixtures("kept")
NOBODY = AnonymousUser()


def genres(*, by_sql: bool = False) -> dict[str, int]:
    with facet_index.present() as bits:
        assert (bits is None) == by_sql
    return facets.count(NOBODY, asked(), ["genre"]).facets["genre"]


class Aside(threading.Thread):
    """Work in a transaction of another connection, which is committed when told."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.done, self.commit = work, threading.Event(), threading.Event()
        self.start()
        assert self.done.wait(10)

    def run(self):
        try:
            with transaction.atomic():
                self.work()
                self.done.set()
                assert self.commit.wait(10)
        finally:
            connection.close()

    def end(self):
        self.commit.set()
        self.join(10)
        assert not self.is_alive()


def test_a_change_that_is_committed_late_is_seen_and_not_before(ana):
    early, late = make_track(ana, genre="House"), make_track(ana, genre="House")
    other = Aside(lambda: actions.edit(track=late, by=ana, genre="Techno"))
    assert genres() == {"House": 2}
    actions.edit(track=early, by=ana, genre="Jazz")
    assert genres() == {"House": 1, "Jazz": 1}
    other.end()
    assert genres() == {"Jazz": 1, "Techno": 1}


def test_a_track_whose_number_is_lower_but_which_came_later_is_seen(ana):
    other = Aside(lambda: make_track(ana, genre="First numbered"))
    make_track(ana, genre="First committed")
    assert genres() == {"First committed": 1}
    other.end()
    assert genres() == {"First committed": 1, "First numbered": 1}


def test_what_is_rolled_back_was_never_counted(ana):
    make_track(ana, genre="House")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        make_track(ana, genre="House")
        # Inside the transaction the rows answer, also for what only it can see.
        assert genres(by_sql=True) == {"House": 2}
        raise ZeroDivisionError
    make_track(ana, genre="Jazz")
    assert genres() == {"House": 1, "Jazz": 1}


def test_parts_and_merged_tracks_are_followed_too(ana):
    kept_one, gone = make_track(ana, genre="House"), make_track(ana, genre="House")
    with history.said(by=ana):
        Instrument.objects.create(track=gone, category="synth")
    synth = asked(instrument="synth")
    assert facets.count(NOBODY, synth, ["genre"]) == (1, {"genre": {"House": 1}})
    Track.machine.move(gone, "merged", merged_into=kept_one, removed_at=gone.created_at)
    assert facets.count(NOBODY, synth, []) == (0, {})
    assert genres() == {"House": 1}


def test_a_catalogue_that_outgrows_its_room_is_counted_whole(ana):
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('catalog_track_number', 9999)")
    make_track(ana, genre="Far away")
    assert genres() == {"Far away": 1}


def test_another_database_under_the_same_name_is_noticed(ana):
    make_track(ana, genre="House")
    assert genres() == {"House": 1}
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE catalog_track CASCADE")
    assert genres(by_sql=True) == {}
    facet_index.index.builder.join(10)
    make_track(ana, genre="Anew")
    assert genres() == {"Anew": 1}


def test_after_too_many_changes_all_is_built_anew(ana, monkeypatch):
    make_track(ana, genre="House")
    monkeypatch.setattr(facet_index, "CHANGES_AT_MOST", 1)
    assert genres(by_sql=True) == {"House": 1}
    facet_index.index.builder.join(10)
    assert genres() == {"House": 1}


def test_a_history_from_elsewhere_is_no_news(ana):
    """A dump that is restored here brings numbers of transactions that are still to come."""
    make_track(ana, genre="House")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_change SET xid = '9000000000000'")
    facet_index.index.build()
    assert genres() == {"House": 1}
    with connection.cursor() as cursor:
        assert facet_index._look(cursor, facet_index.index.seen.snapshot)[1] == 0


def test_a_small_catalogue_takes_no_memory(ana, settings):
    make_track(ana, genre="House")
    settings.FACETS_IN_MEMORY_FROM = 10**9
    facet_index.index.bits = facet_index.index.builder = None
    assert genres(by_sql=True) == {"House": 1}
    assert facet_index.index.builder is None
    settings.FACETS_IN_MEMORY_FROM = 0
    assert genres(by_sql=True) == {"House": 1}


def test_a_build_that_fails_leaves_the_answer_to_sql_for_a_while(ana, monkeypatch, caplog):
    make_track(ana, genre="House")
    facet_index.index.bits = None
    monkeypatch.setattr(facet_index, "_FACTS", "SELECT broken")
    monkeypatch.setattr(facet_index.index, "not_before", 0.0)
    assert genres(by_sql=True) == {"House": 1}
    facet_index.index.builder.join(10)
    assert "could not be built" in caplog.text
    before = facet_index.index.builder
    assert genres(by_sql=True) == {"House": 1}
    assert facet_index.index.builder is before


def test_who_reads_the_bits_holds_their_lock():
    with facet_index.present() as bits:
        assert bits is not None and facet_index.index.lock.locked()
    assert not facet_index.index.lock.locked()


def test_threads_that_count_while_others_write_never_meet_half_a_change(ana):
    """Every edit moves one track from one genre to the other: together they are always as many."""
    tracks = [make_track(ana, genre="House") for _ in range(4)]
    sums, over = [], threading.Event()

    def look():
        try:
            while not over.is_set():
                counts = facets.count(NOBODY, asked(), ["genre"])
                sums.append((counts.total, sum(counts.facets["genre"].values())))
        finally:
            connection.close()

    threads = [threading.Thread(target=look, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(30):
        actions.edit(track=tracks[n % 4], by=ana, genre=["Techno", "House"][n // 4 % 2])
    over.set()
    for thread in threads:
        thread.join(10)
    assert set(sums) == {(4, 4)}


def test_somebody_new_sees_no_more_than_everyone(ana):
    make_track(ana, genre="Hidden", is_public=False)
    assert facets.count(make_user("new"), asked(), ["genre"]) == (0, {"genre": {}})
