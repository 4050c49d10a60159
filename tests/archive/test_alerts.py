"""Owners hear of what was given up, once, and of nothing that is still tried (S3-13)."""

import datetime as dt
import threading

import pytest

from apps.accounts import departure, digests
from apps.accounts.models import Letter, Notice
from apps.archive import alerts, attempt, schedule, working
from apps.archive.models import ArchiveAsset
from apps.catalog import actions as catalog
from apps.catalog.models import Track
from apps.lib import clock, leases
from apps.lib.fetch import FetchError
from tests.accounts.test_digests import somebody_waits, wait_until
from tests.archive.world import at_provider
from tests.lib.threads import LONGEST_S, side_by_side
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)


def run_all() -> None:
    schedule.plan()
    working.work(limit=200, seconds=30)


def move(state: str, **facts) -> None:
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.all(), state, **facts)


def poisoned(*tracks) -> None:
    """Assets whose workers died five times over them."""
    schedule.plan_tracks(list(tracks))
    move("running", lease_until=clock.now() - SECOND)
    ArchiveAsset.objects.update(crashes=4)


def test_the_owner_of_a_lost_file_is_told_what_to_do(ana, provider):
    track = at_provider(provider, ana, behaviour="404", title="Neon Rain")
    schedule.plan()
    ArchiveAsset.objects.update(expires_at=clock.now() - SECOND)
    run_all()
    told = Notice.objects.get()
    assert (told.user, told.kind, told.subject) == (ana, "archive.lost.audio", str(track.pk))
    assert told.link == f"/tracks/{track.pk}"
    assert told.message == (
        "“Neon Rain” was not saved: Suno does not give its sound any more, so it will stop playing. "
        "If you have the file, upload it."
    )


def test_a_failure_that_will_be_tried_again_is_nobodys_news(ana, provider):
    at_provider(provider, ana, behaviour="500")
    at_provider(provider, ana, behaviour="404")
    run_all()
    assert set(ArchiveAsset.objects.values_list("state", flat=True)) == {"retrying", "gone_suspect"}
    assert not Notice.objects.exists()


def test_sound_and_cover_are_told_apart(ana, provider):
    """Else the loss of a cover would hide that of the sound on the same day."""
    at_provider(provider, ana, behaviour="404", cover=True)
    provider.expire(Track.objects.get().source.cover_url)
    schedule.plan()
    ArchiveAsset.objects.update(expires_at=clock.now() - SECOND)
    run_all()
    assert set(Notice.objects.values_list("kind", flat=True)) == {"archive.lost.audio", "archive.lost.cover"}
    assert "is without its cover" in Notice.objects.get(kind="archive.lost.cover").message


def test_quarantine_and_its_end_are_told_once_each(ana):
    poisoned(make_generated(ana, title="Bomb"))
    now = clock.now()
    ArchiveAsset.objects.update(expires_at=now + dt.timedelta(hours=2))
    for _ in range(2):
        schedule.keep_house(now=now)
    told = Notice.objects.get()
    assert told.kind == "archive.quarantined.audio"
    assert "“Bomb” is not saved yet" in told.message and "save the file from Suno yourself" in told.message
    for _ in range(2):
        schedule.keep_house(now=now + 2 * DAY)
    assert list(Notice.objects.order_by("id").values_list("kind", flat=True)) == [told.kind, "archive.lost.audio"]


def test_what_was_decided_and_what_was_told_hold_together_or_not_at_all(ana, monkeypatch):
    poisoned(make_generated(ana))

    def fail(*args, **facts):
        raise RuntimeError("the database went away")

    monkeypatch.setattr(alerts.notices, "tell", fail)
    with pytest.raises(RuntimeError):
        schedule.keep_house()
    assert ArchiveAsset.objects.get().state == "running"


def test_nobody_is_told_of_a_removed_track_or_the_houses_own(ana, bob):
    gone, ours = make_generated(ana), make_generated(bob)
    poisoned(gone, ours)
    catalog.remove(track=gone, by=ana)
    Track.objects.filter(pk=ours.pk).update(kind="library", owner=None)
    schedule.keep_house()
    assert set(ArchiveAsset.objects.values_list("state", flat=True)) >= {"quarantined"}
    assert not Notice.objects.exists()


@pytest.mark.parametrize("give_up", ["fail", "quarantine", "end_quarantine"])
def test_an_owner_who_leaves_while_their_file_is_given_up_stops_neither(ana, monkeypatch, give_up):
    """Each locks the person first: in opposite orders the database would end one of the two."""
    now = clock.now()
    poisoned(make_generated(ana))
    if give_up == "end_quarantine":
        schedule.keep_house(now=now)
        Notice.objects.all().delete()
    if give_up == "fail":
        ArchiveAsset.objects.update(crashes=0)
        (asset,) = leases.claim(ArchiveAsset.objects.all(), ArchiveAsset.machine, limit=1)
    if give_up != "quarantine":
        ArchiveAsset.objects.update(expires_at=now - 30 * DAY, created_at=now - 60 * DAY)
        asset = ArchiveAsset.objects.get()
    telling, tell = threading.Event(), alerts._tell

    def tell_late(*args) -> None:
        telling.set()
        wait_until(somebody_waits)
        tell(*args)

    def archive() -> None:
        if give_up == "fail":
            attempt._settle_failed(asset, FetchError("GONE", "It is gone."), {})
        else:
            schedule.keep_house(now=now)

    def leave() -> str:
        assert telling.wait(LONGEST_S)
        departure.part(user=ana, tracks="library")
        return "left"

    monkeypatch.setattr(alerts, "_tell", tell_late)
    assert side_by_side(archive, leave) == [None, "left"]
    assert ArchiveAsset.objects.get().state == ("quarantined" if give_up == "quarantine" else "lost")
    assert not Notice.objects.exists()


def test_a_storm_of_failures_is_one_letter(ana):
    """Sixty tracks die at once: sixty lines in the inbox, one letter, which names fifty."""
    poisoned(*[make_generated(ana, title=f"Song {number}") for number in range(60)])
    now = clock.now()
    schedule.keep_house(now=now)
    assert Notice.objects.filter(user=ana).count() == 60
    assert digests.send(now=now + DAY) == 1
    assert Letter.objects.get().subject == "60 new notices for you on Keeptrack"
