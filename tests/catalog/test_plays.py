"""Plays: once per listener and window, counted exactly, fading as said, and nobody's address (C-17, S0-12)."""

import datetime as dt
import functools
import random
from decimal import Decimal
from itertools import count as numbers

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Sum

from apps.catalog import actions, history, plays, tasks
from apps.catalog.models import Change, Play, PlayDay, Track
from tests.lib.threads import side_by_side
from tests.make import make_track

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
NOBODY = AnonymousUser()
HERE = "203.0.113.7"
_numbers = numbers(1)


def play(track: Track, user=NOBODY, network: str = HERE, *, after: float = 0) -> bool:
    """Minutes after noon."""
    return plays.play(track=track, user=user, network=network, now=NOON + dt.timedelta(minutes=after))


def make_plays(track: Track, number: int, *, day: dt.datetime = NOON) -> None:
    """Rows as many listeners leave them."""
    heard = [
        Play(track=track, listener=f"listener {next(_numbers)}", window=day, played_at=day) for _ in range(number)
    ]  # fmt: skip
    Play.objects.bulk_create(heard)


def counted(track: Track) -> int:
    return Track.objects.values_list("play_count", flat=True).get(pk=track.pk)


def popularity(track: Track) -> Decimal:
    return Track.objects.values_list("popularity_score", flat=True).get(pk=track.pk)


# --- Who counts ---------------------------------------------------------------------------------------------------
def test_a_listener_counts_once_within_the_window(ana, bob):
    track = make_track(ana)
    assert [play(track, bob, after=minutes) for minutes in (0, 1, 29, 30, 31, 60, 89.9)] == [
        True, False, False, True, False, True, False,
    ]  # fmt: skip


def test_a_window_is_no_shorter_than_the_track(ana, bob):
    track = make_track(ana, duration_ms=90 * 60_000)
    assert [play(track, bob, after=minutes) for minutes in (0, 45, 89, 90)] == [True, False, False, True]


def test_the_edge_of_a_window_is_no_way_to_count_twice(ana, bob):
    track = make_track(ana)
    assert play(track, bob, after=29) and not play(track, bob, after=31)


def test_people_networks_and_tracks_count_apart(ana, bob, mod):
    one, other = make_track(ana), make_track(ana)
    assert play(one, bob) and play(one, mod) and play(one) and play(one, network="198.51.100.1") and play(other, bob)
    assert not play(one, bob, network="198.51.100.9")
    assert not play(one)


def test_owners_do_not_count_on_their_own_tracks(ana):
    assert not play(make_track(ana), ana)
    assert not Play.objects.exists()


def test_a_visitor_is_kept_as_a_hash_of_the_day_and_a_person_as_one_of_their_own(ana, bob, settings):
    hashes = [plays.listener(NOBODY, HERE, now=NOON + dt.timedelta(hours=hours)) for hours in (0, 11, 12)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert plays.listener(bob, HERE, now=NOON) == plays.listener(bob, "elsewhere", now=NOON + dt.timedelta(days=9))
    settings.SECRET_KEY = "another" * 9
    assert plays.listener(NOBODY, HERE, now=NOON) != hashes[0]
    play(make_track(ana))
    assert HERE not in str(Play.objects.values().get())


@pytest.mark.django_db(transaction=True)
def test_two_reports_at_once_are_one_play(ana, bob):
    track = make_track(ana)
    report = functools.partial(play, track, bob)
    assert sorted(side_by_side(*[report] * 4)) == [False, False, False, True]
    assert Play.objects.count() == 1


# --- Counting -----------------------------------------------------------------------------------------------------
def test_counting_moves_the_track_its_days_and_its_popularity_and_no_history(ana):
    track, quiet = make_track(ana), make_track(ana)
    make_plays(track, 3)
    make_plays(track, 2, day=NOON + dt.timedelta(days=1))
    before = Change.objects.count()
    assert (plays.count(now=NOON), plays.count(now=NOON)) == (5, 0)
    assert counted(track) == 5 and counted(quiet) == 0
    assert dict(PlayDay.objects.values_list("day", "plays")) == {dt.date(2026, 3, 1): 3, dt.date(2026, 3, 2): 2}
    assert popularity(track) == Decimal("12.97")  # 100 · ln 6 / ln 1000001
    assert Change.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_plays_and_two_workers_at_once_count_exactly(ana):
    """C-17: of what both take nothing is lost and nothing is counted twice, also while more comes in."""
    rng, tracks = random.Random(3), [make_track(ana, title=f"Number {number}") for number in range(7)]
    days = [NOON - dt.timedelta(days=number) for number in range(5)]
    heard = [
        Play(track=rng.choice(tracks), listener=str(number), window=NOON, played_at=rng.choice(days))
        for number in range(10_000)
    ]
    Play.objects.bulk_create(heard)

    def worker() -> int:
        done = 0
        while found := plays.count(limit=700):
            done += found
        return done

    more = functools.partial(make_plays, tracks[0], 100)
    *done, _ = side_by_side(worker, worker, more)
    done.append(worker())
    assert sum(done) == 10_100
    assert not Play.objects.filter(counted_at__isnull=True).exists()
    for track in tracks:
        rows = Play.objects.filter(track=track).count()
        days_told = PlayDay.objects.filter(track=track).aggregate(Sum("plays"))["plays__sum"]
        assert counted(track) == rows == days_told


def test_a_worker_that_dies_half_way_has_counted_nothing(ana, monkeypatch):
    track = make_track(ana)
    make_plays(track, 3)
    with monkeypatch.context() as killed:
        killed.setattr(plays, "weigh", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            plays.count()
    assert counted(track) == 0 and not PlayDay.objects.exists()
    assert plays.count() == 3 and counted(track) == 3


@pytest.mark.django_db(transaction=True)
def test_plays_of_a_track_that_somebody_holds_are_left_to_the_next_count(ana):
    """A merge holds its tracks and waits for plays in hand; a count that had those and waited for a track was ended."""
    held, free = make_track(ana), make_track(ana)
    make_plays(held, 2)
    make_plays(free, 1)
    with transaction.atomic():
        list(Track.objects.filter(pk=held.pk).select_for_update(no_key=True))
        assert side_by_side(plays.count) == [1]
    assert plays.count() == 2


@pytest.mark.django_db(transaction=True)
def test_counting_and_editing_do_not_lock_each_other_out(ana):
    tracks = sorted((make_track(ana, title=f"Number {n}") for n in range(20)), key=lambda track: track.pk)
    for track in reversed(tracks):
        make_plays(track, 2)

    def edit() -> int:
        with history.said(by=None):
            return sum(Track.objects.filter(pk=track.pk).update(artist="Ana") for track in tracks)

    assert side_by_side(plays.count, edit, plays.count, edit)[1::2] == [20, 20]
    plays.count()
    assert {counted(track) for track in tracks} == {2}


def test_the_beat_counts_in_portions_until_nothing_is_left(ana, monkeypatch):
    track = make_track(ana)
    make_plays(track, 25)
    monkeypatch.setattr(plays.count, "__kwdefaults__", {**plays.count.__kwdefaults__, "limit": 10})
    assert (tasks.count_plays(), tasks.count_plays()) == (25, 0)


def test_a_play_that_is_written_behind_its_tracks_removal_leaves_nothing(ana, bob):
    """C-07: who was about to hear it when it went."""
    track = make_track(ana)
    as_it_was = Track.objects.get(pk=track.pk)
    actions.remove(track=track, by=ana)
    assert play(as_it_was, bob)
    assert (plays.count(), plays.count()) == (1, 0)
    assert not Play.objects.exists() and not PlayDay.objects.exists() and counted(track) == 0


# --- Popularity ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("played", "days_ago", "score"),
    [(1, 0, "5.02"), (10, 0, "17.36"), (10, 30, "12.97"), (10, 60, "9.07"), (1000, 0, "50.01"), (10**6, 0, "100.00"),
     (10**9, 0, "100.00"), (10, 3650, "0.00"), (10, -1, "17.36")],
)  # fmt: skip
def test_popularity_halves_its_plays_every_thirty_days_on_an_absolute_scale(ana, played, days_ago, score):
    track = make_track(ana)
    PlayDay.objects.create(track=track, day=NOON.date() - dt.timedelta(days=days_ago), plays=played)
    plays.weigh(tracks=[track.pk], now=NOON)
    assert popularity(track) == Decimal(score)
    assert plays.weigh(tracks=[track.pk], now=NOON + dt.timedelta(hours=11)) == 0


def test_a_track_that_was_never_played_keeps_what_was_said(ana):
    """S4-07: 87.5 comes with an import."""
    track = make_track(ana, popularity_score=Decimal("87.50"))
    assert tasks.weigh() == 0 and popularity(track) == Decimal("87.50")


def test_what_was_said_fades_from_the_first_play_on_until_plays_are_worth_more(ana):
    """S4-07: the first play of a known hit does not send it to the end of every list."""
    track = make_track(ana, popularity_score=Decimal("87.50"))
    make_plays(track, 1)
    plays.count(now=NOON)
    assert popularity(track) == Decimal("87.50")
    for day in range(1, 31):
        plays.weigh_all(now=NOON + dt.timedelta(days=day))
    assert Decimal("43.50") < popularity(track) <= Decimal("43.75")
    make_plays(track, 1000, day=NOON + dt.timedelta(days=30))
    plays.count(now=NOON + dt.timedelta(days=30))
    assert popularity(track) == Decimal("50.01")
    for day in range(31, 1000):
        plays.weigh_all(now=NOON + dt.timedelta(days=day))
    assert popularity(track) == 0


def test_plays_alone_fade_by_the_day_as_they_do_at_once(ana):
    slow, quick = make_track(ana), make_track(ana)
    for track in (slow, quick):
        PlayDay.objects.create(track=track, day=NOON.date(), plays=5000)
    for day in range(41):
        plays.weigh(tracks=[slow.pk], now=NOON + dt.timedelta(days=day), days=1)
    plays.weigh(tracks=[quick.pk], now=NOON + dt.timedelta(days=40))
    assert popularity(slow) == popularity(quick) > 0


def test_the_daily_weighing_reaches_every_played_track(ana, monkeypatch):
    monkeypatch.setattr(plays, "AT_ONCE", 2)
    tracks = [make_track(ana, title=f"Number {number}") for number in range(5)]
    for track in tracks:
        for day in (0, 1):
            PlayDay.objects.create(track=track, day=NOON.date() - dt.timedelta(days=day), plays=4)
    assert plays.weigh_all(now=NOON) == 5
    assert plays.weigh_all(now=NOON + dt.timedelta(days=30)) == 5
    assert len({popularity(track) for track in tracks}) == 1


def test_old_rows_go_once_they_are_counted_and_what_was_counted_stays(ana, settings):
    settings.PLAY_KEPT = dt.timedelta(days=10)
    track = make_track(ana)
    make_plays(track, 4)
    later = NOON + dt.timedelta(days=11)
    assert plays.forget(now=later) == 0
    plays.count()
    make_plays(track, 1, day=later)
    assert plays.forget(now=later) == 4
    assert counted(track) == 4 and PlayDay.objects.get(day=NOON.date()).plays == 4 and Play.objects.count() == 1


# --- Telling ------------------------------------------------------------------------------------------------------
def test_days_without_plays_are_told_as_none(ana):
    track = make_track(ana)
    PlayDay.objects.create(track=track, day=dt.date(2026, 2, 27), plays=3)
    PlayDay.objects.create(track=track, day=dt.date(2026, 2, 1), plays=9)
    told = plays.by_day(track=track, days=4, now=NOON)
    assert [(str(each.day), each.plays) for each in told] == [
        ("2026-02-26", 0), ("2026-02-27", 3), ("2026-02-28", 0), ("2026-03-01", 0),
    ]  # fmt: skip


def test_the_owner_and_staff_are_told_and_nobody_else(ana, bob, mod):
    track = make_track(ana)
    assert [len(plays.told_to(user, track)) for user in (ana, mod, bob, NOBODY)] == [plays.DAYS, plays.DAYS, 0, 0]


# --- Whose they are -----------------------------------------------------------------------------------------------
def test_who_leaves_takes_their_plays_along_and_the_counts_stay(ana, bob):
    track = make_track(ana)
    play(track, bob)
    plays.count()
    play(track, bob, after=40)
    plays.disown(bob)
    left = Play.objects.get()
    assert (left.user, left.listener) == (None, f"left {left.pk}")
    plays.count()
    assert counted(track) == 2
