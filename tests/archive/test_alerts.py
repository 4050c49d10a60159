"""Owners hear of what was given up, once, and of nothing that is still tried (S3-13)."""

import datetime as dt
import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts import departure, digests
from apps.accounts.models import Letter, Notice, Profile
from apps.archive import alerts, attempt, schedule, working
from apps.archive.models import ArchiveAsset
from apps.catalog import actions as catalog
from apps.catalog.models import ProviderSource, Track
from apps.lib import clock, leases
from apps.lib.fetch import FetchError
from tests.accounts.test_digests import somebody_waits, wait_until
from tests.archive.world import at_provider
from tests.lib.threads import LONGEST_S, side_by_side
from tests.make import make_generated, make_user

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
    assert (told.user, told.kind) == (ana, "archive.lost")
    assert told.link == f"/workspace/library?track={track.pk}"
    assert told.message == (
        "“Neon Rain” was not saved: Suno does not give its sound any more, so it will stop playing. "
        "If you have the file, upload it."
    )


def test_a_failure_that_will_be_tried_again_is_nobodys_news(ana, provider):
    at_provider(provider, ana, behaviour="500")
    run_all()
    assert ArchiveAsset.objects.get().state == "retrying"
    assert not Notice.objects.exists()


def again() -> None:
    ArchiveAsset.objects.update(next_at=clock.now() - SECOND)
    run_all()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "“Neon Rain” is not saved yet: Suno says that its sound is gone. It is asked again until it expires."),
        ("ru", 'Трек "Neon Rain" ещё не сохранён: Suno сообщает, что файла больше нет (его звук).'),
    ],
)
def test_the_owner_hears_of_the_first_suspicion_once_while_the_file_may_still_be_at_hand(
    ana, provider, language, words
):
    """F10."""
    Profile.objects.filter(user=ana).update(language=language)
    track = at_provider(provider, ana, behaviour="404", title="Neon Rain")
    run_all()
    told = Notice.objects.get()
    assert told.kind == "archive.gone_suspect" and told.message.startswith(words)
    assert told.link == f"/workspace/library?track={track.pk}"
    Notice.objects.update(read_at=clock.now())
    again()
    assert ArchiveAsset.objects.get().gone_checks == 2
    assert Notice.objects.get().read_at is not None


def test_ten_suspicions_of_a_day_are_one_notice_that_counts(ana, provider):
    for _ in range(10):
        at_provider(provider, ana, behaviour="404")
    run_all()
    told = Notice.objects.get()
    assert told.message.startswith("Files of 10 of your tracks are not saved yet")
    assert told.link == "/workspace/library?saved=waiting"


def test_the_russian_owner_reads_the_words_of_the_requirement(ana, provider):
    Profile.objects.filter(user=ana).update(language="ru-RU")
    track = at_provider(provider, ana, behaviour="404", title="Ночной поезд")
    schedule.plan()
    ArchiveAsset.objects.update(expires_at=clock.now() - SECOND)
    run_all()
    told = Notice.objects.get()
    assert told.title == "Не удалось архивировать трек"
    assert told.message == 'Трек "Ночной поезд" не был сохранен. Он может стать недоступен.'
    assert told.link == f"/workspace/library?track={track.pk}"


def test_the_loss_of_a_cover_does_not_hide_that_of_the_sound(ana, provider):
    at_provider(provider, ana, behaviour="404", cover=True)
    provider.expire(Track.objects.get().source.cover_url)
    schedule.plan()
    ArchiveAsset.objects.update(expires_at=clock.now() - SECOND)
    run_all()
    told = Notice.objects.get()
    assert "Files of 1 of your tracks" in told.message and "Without sound: 1." in told.message
    assert told.link == "/workspace/library?saved=lost"


def test_the_loss_of_a_cover_alone_is_no_loss_of_sound(ana, provider):
    track = at_provider(provider, ana, cover=True)
    provider.expire(track.source.cover_url)
    schedule.plan()
    ArchiveAsset.objects.filter(kind="cover").update(expires_at=clock.now() - SECOND)
    run_all()
    assert "is without its cover" in Notice.objects.get().message


def test_further_crashes_of_what_is_quarantined_are_nobodys_news(ana):
    poisoned(make_generated(ana))
    now = clock.now()
    schedule.keep_house(now=now)
    move("running", lease_until=now + DAY)
    schedule.keep_house(now=now + DAY + SECOND)
    assert (ArchiveAsset.objects.get().crashes, Notice.objects.get().kind) == (6, "archive.quarantined")


def test_quarantine_and_its_end_are_told_once_each(ana):
    poisoned(make_generated(ana, title="Bomb"))
    now = clock.now()
    ArchiveAsset.objects.update(expires_at=now + dt.timedelta(hours=2))
    for _ in range(2):
        schedule.keep_house(now=now)
    told = Notice.objects.get()
    assert told.kind == "archive.quarantined"
    assert "“Bomb” is not saved yet" in told.message and "save the file from Suno yourself" in told.message
    for _ in range(2):
        schedule.keep_house(now=now + 2 * DAY)
    assert list(Notice.objects.order_by("id").values_list("kind", flat=True)) == [told.kind, "archive.lost"]


def test_what_was_decided_and_what_was_told_hold_together_or_not_at_all(ana, monkeypatch):
    poisoned(make_generated(ana))

    def fail(*args, **facts):
        raise RuntimeError("the database went away")

    monkeypatch.setattr(alerts.notices, "sum_up", fail)
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


def storm(owner, files: int) -> None:
    """So many lost sounds of one owner, made cheaply."""
    provider = make_generated(owner).source.provider
    now = clock.now()
    tracks = Track.objects.bulk_create(
        [Track(owner=owner, kind="generated", title=f"Song {n}", status="ready") for n in range(files - 1)]
    )
    ProviderSource.objects.bulk_create(
        [
            ProviderSource(
                track=track, owner=owner, provider=provider, provider_track_id=str(track.pk), expires_at=now + DAY,
                audio_url="https://cdn1.suno.ai/a.mp3",
            )
            for track in tracks
        ]
    )  # fmt: skip
    every = [*tracks, owner.tracks.get(source__provider_track_id__startswith="clip")]
    ArchiveAsset.objects.bulk_create(
        [ArchiveAsset(track=t, kind="audio", source_url="https://cdn1.suno.ai/a.mp3", expires_at=now + DAY,
                      state="lost", next_at=None) for t in every]
    )  # fmt: skip
    with connection.cursor() as cursor:  # as the database does by itself some seconds later
        cursor.execute("ANALYZE catalog_track, catalog_providersource, archive_archiveasset")


def test_a_thousand_failures_of_one_owner_are_one_notice_and_one_letter(ana):
    """F34."""
    storm(ana, 1000)
    now = clock.now()
    with CaptureQueriesContext(connection) as spent:
        alerts.given_up(ArchiveAsset.objects.values_list("pk", flat=True), now=now)
    told = Notice.objects.get()
    assert len(spent) < 20
    assert "Files of 1000 of your tracks" in told.message
    assert told.link == "/workspace/library?saved=lost"
    assert digests.send(now=now + DAY) == 1
    assert Letter.objects.get().subject == "1 new notice for you on Keeptrack"


def test_failures_that_come_one_by_one_count_up_in_the_one_notice(ana):
    storm(ana, 5)
    keys, now = list(ArchiveAsset.objects.values_list("pk", flat=True)), clock.now()
    for key in keys:
        Notice.objects.update(read_at=now)
        alerts.given_up([key], now=now)
        assert Notice.objects.get().read_at is None
    assert "Files of 5 of your tracks" in Notice.objects.get().message


def test_what_fails_after_the_days_letter_is_told_by_the_next_one(ana):
    storm(ana, 3)
    now = clock.now()
    alerts.given_up(list(ArchiveAsset.objects.values_list("pk", flat=True)[:1]), now=now)
    assert digests.send(now=now) == 1
    for _ in range(2):
        alerts.given_up(ArchiveAsset.objects.values_list("pk", flat=True), now=now)
    assert Notice.objects.filter(mailed_at=None).count() == 1 and Notice.objects.count() == 2
    assert digests.send(now=now + DAY) == 1


def test_a_thousand_owners_cost_as_many_statements_as_one(ana, django_assert_max_num_queries):
    for number in range(30):
        storm(make_user(f"owner{number}"), 1)
    with django_assert_max_num_queries(15):
        alerts.given_up(ArchiveAsset.objects.values_list("pk", flat=True), now=clock.now())
    assert Notice.objects.count() == 30
