"""Generations on their way: announced, asked for, delivered, and then tracks of which the archive has work."""

import datetime as dt

import pytest

from apps.accounts.models import Notice, Profile
from apps.archive import generations, schedule
from apps.archive.models import ArchiveAsset, Generation
from apps.catalog import actions as catalog
from apps.catalog.models import Provider, ProviderSource, Track
from apps.lib import clock, leases
from apps.lib.errors import Conflict, Refusal
from deploy.demo.provider_api import Song
from tests.archive.providers.world import begin, deliver, open_apis, song
from tests.archive.world import asset_of, run_all
from tests.lib.threads import side_by_side
from tests.make import make_generated, make_providers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def apis(settings, provider):
    make_providers()
    open_apis(settings, provider)


def announce(owner, code: str = "suno", task: str = "t1", title: str = "To Come", **facts) -> Generation:
    return generations.announce(owner=owner, provider=code, provider_track_id=task, title=title, **facts)[0]


def ask_now() -> int:
    """Whatever waits is asked for, its turn or not."""
    Generation.objects.filter(state="waiting").update(next_at=clock.now())
    return generations.work(seconds=30)


@pytest.mark.parametrize("code", ["suno", "mureka", "replicate"])
def test_what_was_announced_becomes_a_track_once_it_is_finished_and_is_archived(ana, provider, code):
    begin(provider, code, "t1", song(provider, code, "a"))
    row = announce(ana, code, genre="House", tempo="120.5", release_date="2026-01-02")
    assert ask_now() == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, Track.objects.count()) == ("waiting", 1, 0)
    provider.generations.finish(code, "t1")
    ask_now()
    row.refresh_from_db()
    track = row.tracks.get()
    assert (row.state, track.title, track.genre, float(track.tempo)) == ("finished", "To Come", "House", 120.5)
    assert (track.owner, track.source.provider_track_id, track.release_date) == (ana, "t1", dt.date(2026, 1, 2))
    run_all()
    assert asset_of(track).state == "archived"


def test_every_song_of_a_generation_becomes_a_track_of_its_own(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), song(provider, "suno", "b", seed=2), finished=True)
    row = announce(ana)
    ask_now()
    kept = {track.source.provider_track_id: track.title for track in row.tracks.all()}
    assert kept == {"t1/a": "To Come", "t1/b": "To Come (2)"}


def test_a_song_that_has_no_sound_yet_is_waited_for_and_the_others_are_not_kept_waiting(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), Song({}, key="b"), finished=True)
    row = announce(ana)
    ask_now()
    row.refresh_from_db()
    assert (row.state, row.tracks.count()) == ("waiting", 1)
    provider.generations.finish("suno", "t1", [song(provider, "suno", "a"), song(provider, "suno", "b", seed=2)])
    ask_now()
    row.refresh_from_db()
    assert (row.state, row.tracks.count(), Track.objects.count()) == ("finished", 2, 2)


def test_a_song_whose_track_was_removed_does_not_come_back(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), Song({}, key="b"), finished=True)
    row = announce(ana)
    ask_now()
    catalog.remove(track=row.tracks.get(), by=ana)
    ask_now()
    assert not Track.objects.exclude(status="removed")
    provider.generations.finish("suno", "t1", [song(provider, "suno", "a"), song(provider, "suno", "b", seed=2)])
    ask_now()
    row.refresh_from_db()
    assert (row.state, row.songs) == ("finished", ["t1/a", "t1/b"])
    assert Track.objects.exclude(status="removed").get().source.provider_track_id == "t1/b"


def test_who_announces_it_again_gets_also_what_they_removed(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), Song({}, key="b"), finished=True)
    row = announce(ana)
    ask_now()
    catalog.remove(track=row.tracks.get(), by=ana)
    Generation.objects.update(state="expired", next_at=None)
    announce(ana)
    ask_now()
    assert Track.objects.exclude(status="removed").get().source.provider_track_id == "t1/a"


def test_a_song_from_another_host_is_no_track_and_what_stands_beside_it_is_left_out(ana, provider):
    bad = Song({"audio": "https://evil.example/a.mp3"}, key="a")
    begin(provider, "suno", "t1", bad, finished=True)
    row = announce(ana)
    ask_now()
    row.refresh_from_db()
    assert (row.state, row.error_code, Track.objects.count()) == ("waiting", "URL_REFUSED", 0)
    good = song(provider, "suno", "a")
    provider.generations.finish("suno", "t1", [Song(good.urls | {"cover": "http://127.0.0.1:1/x.jpg"}, key="a")])
    ask_now()
    assert ProviderSource.objects.get().urls() == good.urls


def test_what_the_provider_gave_up_is_over_and_its_owner_is_told(ana, provider):
    begin(provider, "mureka", "7", song(provider, "mureka", "a"))
    row = announce(ana, "mureka", "7")
    provider.generations.fail("mureka", "7", "words that nobody sings")
    ask_now()
    row.refresh_from_db()
    assert (row.state, row.error_code, row.next_at) == ("failed", "GENERATION_FAILED", None)
    assert "words that nobody sings" in Notice.objects.get(user=ana).message


def test_a_russian_owner_reads_in_russian_that_it_will_not_come(ana, provider):
    Profile.objects.filter(user=ana).update(language="ru-RU")
    begin(provider, "mureka", "7", song(provider, "mureka", "a"))
    announce(ana, "mureka", "7", title="Ночной поезд")
    Generation.objects.update(ends_at=clock.now())
    ask_now()
    told = Notice.objects.get(user=ana)
    assert told.title == "Заявленная музыка не появится"
    assert told.message == (
        'Трек "Ночной поезд" не появится, Mureka: он не был готов вовремя. Если он вам ещё нужен, создайте его там '
        "заново."
    )


def test_what_is_not_ready_in_time_expires_and_announced_again_waits_anew(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"))
    row = announce(ana)
    Generation.objects.update(ends_at=clock.now())
    ask_now()
    row.refresh_from_db()
    assert row.state == "expired" and Notice.objects.filter(user=ana).count() == 1
    again, new = generations.announce(owner=ana, provider="suno", provider_track_id="t1", title="Still")
    assert (again.pk, new, again.state, again.title, again.attempts) == (row.pk, False, "waiting", "Still", 0)


def test_said_twice_it_is_one_row_and_unchanged(ana):
    first = announce(ana)
    again, new = generations.announce(owner=ana, provider="suno", provider_track_id="t1", title="Other")
    assert (again.pk, new, again.title) == (first.pk, False, "To Come")


def test_nobody_gets_what_another_one_made(ana, bob, provider):
    announce(ana)
    with pytest.raises(Conflict, match="somebody else"):
        announce(bob)
    track = make_generated(ana)
    for known in (track.source.provider_track_id, "t9"):
        ProviderSource.objects.update(provider_track_id=f"{known}/x" if known == "t9" else known)
        with pytest.raises(Conflict) as refused:
            announce(bob, task=known)
        assert refused.value.code == "GENERATION_TAKEN"
    assert announce(ana, task="t9")


@pytest.mark.parametrize("task", ["", "a/b", "a b", "ä", "../x", "x" * 91, "a?b", "..", ".x"])
def test_an_id_that_could_mean_something_else_in_an_address_is_refused(ana, task):
    with pytest.raises(Refusal) as refused:
        announce(ana, task=task)
    assert refused.value.fields.keys() == {"provider_track_id"}


def test_a_provider_that_cannot_be_asked_takes_no_announcement(ana, settings):
    settings.PROVIDER_APIS = {"suno": {"url": "https://api.sunoapi.org"}}
    Provider.objects.create(code="other", name="Other", hosts=["other.example"])
    for code in ("suno", "mureka", "other"):
        with pytest.raises(Conflict) as refused:
            announce(ana, code)
        assert refused.value.code == "NO_PROVIDER_API"


def test_nobody_keeps_more_waiting_than_can_be_asked_for(ana, monkeypatch):
    monkeypatch.setattr(generations, "MOST_WAITING", 2)
    announce(ana, task="a"), announce(ana, task="b")
    with pytest.raises(Conflict) as refused:
        announce(ana, task="c")
    assert refused.value.code == "TOO_MANY_GENERATIONS" and Generation.objects.count() == 2
    assert announce(ana, task="a")


def test_in_no_minute_is_a_provider_asked_more_often_than_it_may_be_also_of_the_same_rows(ana, provider, monkeypatch):
    monkeypatch.setattr(type(generations.CLIENTS["suno"]), "asks_a_minute", 60)
    for number in range(5):
        announce(ana, task=f"t{number}")
    now, asked = clock.now(), []
    for _ in range(320):
        now += dt.timedelta(seconds=generations.PAUSE_S)
        Generation.objects.update(state="waiting", lease_until=None, next_at=now)
        asked.append(len(generations.claim("suno", limit=8, now=now)))
    minute = int(60 / generations.PAUSE_S)
    minutes = [sum(asked[start:][:minute]) for start in range(len(asked) - minute)]
    assert min(minutes) > 40 and max(minutes) <= 60


def test_the_wait_grows_with_its_age_and_never_passes_a_short_life(ana, provider):
    suno, replicate = announce(ana), announce(ana, "replicate", "p1")
    now = clock.now()
    waits = [
        [generations._delay(row, now + dt.timedelta(seconds=age), None).total_seconds() for age in (0, 60, 86_000)]
        for row in (suno, replicate)
    ]
    for first, minute, last in waits:
        assert 4 < first < 6 and 13 < minute < 17
        assert last < 700
    assert waits[1][2] < 200 < waits[0][2]


def test_an_api_that_is_down_or_nonsense_ends_nothing(ana, provider):
    announce(ana)
    ask_now()  # it knows no such task
    row = Generation.objects.get()
    assert (row.state, row.error_code, row.attempts) == ("waiting", "UNKNOWN_GENERATION", 1)
    provider.generations.key = "another"
    ask_now()
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("waiting", "API_REFUSED")
    assert "demo-key" not in row.error_message


def test_a_worker_that_lost_its_lease_settles_nothing(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), finished=True)
    announce(ana)
    (claimed,) = generations.claim("suno", limit=1)
    Generation.objects.update(token=claimed.token + 1)
    assert not generations.ask(claimed)
    assert Generation.objects.get().state == "running" and not Track.objects.exists()


def test_what_takes_its_workers_down_is_set_apart(ana):
    announce(ana)
    Generation.objects.update(state="running", next_at=None, lease_until=clock.now(), crashes=leases.MOST_CRASHES - 1)
    assert generations.keep_house(now=clock.now() + dt.timedelta(seconds=1)) == 1
    assert Generation.objects.get().error_code == "CRASHED"
    assert "breaks what reads it" in Notice.objects.get(user=ana).message


def test_what_nobody_can_be_asked_about_any_more_ends_and_its_owners_are_told(ana, bob, settings, monkeypatch):
    monkeypatch.setattr(generations, "AT_A_TIME", 2)
    rows = [announce(owner, task=f"{owner.pk}{number}") for owner in (ana, bob) for number in range(2)]
    settings.PROVIDER_APIS = {}
    late = rows[0].ends_at + dt.timedelta(minutes=1)
    assert generations.keep_house(now=late - dt.timedelta(hours=1)) == 0
    assert generations.keep_house(now=late) == 4
    assert set(Generation.objects.values_list("state", flat=True)) == {"expired"}
    assert [Notice.objects.filter(user=owner).count() for owner in (ana, bob)] == [2, 2]
    assert "it was not ready in time" in Notice.objects.first().message
    assert generations.keep_house(now=late) == 0 and Notice.objects.count() == 4


def test_twenty_deliveries_at_once_make_one_track(ana, provider, as_):
    begin(provider, "replicate", "p1", song(provider, "replicate", "a"), finished=True)
    announce(ana, "replicate", "p1")
    answers = side_by_side(*[lambda: deliver(as_(None), provider, "replicate", "p1").status_code] * 20)
    assert set(answers) == {202}
    assert Track.objects.count() == 1 and Generation.objects.get().state == "finished"
    schedule.plan()
    assert ArchiveAsset.objects.count() == 1


def test_asking_and_a_delivery_at_once_make_one_track(ana, provider, as_):
    begin(provider, "replicate", "p1", song(provider, "replicate", "a"), finished=True)
    announce(ana, "replicate", "p1")
    side_by_side(lambda: generations.work(seconds=10), lambda: deliver(as_(None), provider, "replicate", "p1"))
    assert Track.objects.count() == 1 and Generation.objects.get().state == "finished"


def test_facts_that_a_track_cannot_have_cost_the_facts_and_not_the_music(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), finished=True)
    row = announce(ana, isrc="nonsense")
    ask_now()
    assert row.tracks.get().title == "To Come"


def test_staff_bring_it_forward_and_what_is_finished_is_left(ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), finished=True)
    row = announce(ana)
    Generation.objects.update(state="failed", next_at=None)
    generations.hasten(row)
    assert ask_now() == 1
    with pytest.raises(Conflict):
        generations.hasten(row)


def test_a_person_who_registered_it_meanwhile_has_one_track(ana, provider):
    made = song(provider, "suno", "a")
    begin(provider, "suno", "t1", made, finished=True)
    row = announce(ana)
    track = make_generated(ana, audio_url=made.urls["audio"])
    ProviderSource.objects.update(provider_track_id="t1")
    ask_now()
    assert row.tracks.get() == track


def test_an_address_that_is_signed_for_less_than_usual_expires_by_what_it_says(ana, provider):
    made = song(provider, "suno", "a")
    soon = int(clock.now().timestamp()) + 3600
    signed = Song({"audio": f"{made.urls['audio']}?Expires={soon}"}, key="a")
    begin(provider, "suno", "t1", signed, finished=True)
    announce(ana)
    ask_now()
    assert ProviderSource.objects.get().expires_at.timestamp() == soon
