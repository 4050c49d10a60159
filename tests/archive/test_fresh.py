"""Addresses that died: the provider is asked for others before anything is given up, and owners can tell them."""

import datetime as dt
import threading

import pytest
from django.db import connection

from apps.archive import attempt, generations, schedule
from apps.archive.models import ArchiveAsset
from apps.archive.providers.suno import Suno
from apps.catalog import actions as catalog
from apps.catalog import providers
from apps.catalog.models import Provider, ProviderSource, Track
from apps.lib import clock, leases
from deploy.demo import synth
from deploy.demo.provider import Behaviour
from deploy.demo.provider_api import Song
from tests.archive.providers.world import begin, open_apis, song
from tests.archive.world import asset_of, at_provider, run_all
from tests.make import make_generated, make_providers

pytestmark = pytest.mark.django_db(transaction=True)

PREFIX = {"suno": "/api/v1/generate/record-info", "mureka": "/v1/song/query/t1", "replicate": "/v1/predictions/t1"}


@pytest.fixture
def apis(settings, provider):
    open_apis(settings, provider)


def known(ana, provider, *, code="suno", behaviour="403", task="t1"):
    """Ana's track, whose address is dead, of a generation that the API knows."""
    track = at_provider(provider, ana, behaviour=behaviour)
    ProviderSource.objects.filter(track=track).update(provider=code, provider_track_id=task)
    return track


@pytest.mark.parametrize("code", ["suno", "mureka", "replicate"])
def test_a_dead_address_is_replaced_by_the_providers_fresh_one_in_the_same_try(ana, provider, apis, code):
    track = known(ana, provider, code=code)
    fresh = song(provider, code, "fresh")
    begin(provider, code, "t1", fresh, finished=True)
    run_all()
    asset, source = asset_of(track), ProviderSource.objects.get(track=track)
    assert (asset.state, asset.source_url, source.audio_url) == ("archived", fresh.urls["audio"], fresh.urls["audio"])
    assert source.renewed_at and provider.requests[PREFIX[code]] == 1


def test_a_song_among_several_is_found_by_its_name_and_never_mixed_up(ana, provider, apis):
    named, plain = known(ana, provider, task="t1/b"), known(ana, provider, task="t1")
    begin(provider, "suno", "t1", song(provider, "suno", "a"), song(provider, "suno", "b"), finished=True)
    run_all()
    assert asset_of(named).state == "archived"
    assert asset_of(plain).state == "gone_suspect"


def announce(owner, task="t1"):
    make_providers()
    return generations.announce(owner=owner, provider="suno", provider_track_id=task, title="To Come")


@pytest.mark.parametrize("by", ["announcing", "registering"])
def test_nobody_is_given_the_address_of_what_somebody_else_made(ana, bob, provider, apis, by):
    """Ids may be guessed, and the question is asked with the house's key."""
    if by == "announcing":
        announce(ana)
    else:
        ProviderSource.objects.filter(track=at_provider(provider, ana)).update(provider_track_id="t1/a")
    guessed = known(bob, provider, task="t1/b")
    begin(provider, "suno", "t1", song(provider, "suno", "a"), song(provider, "suno", "b"), finished=True)
    run_all()
    assert asset_of(guessed).state == "gone_suspect"
    assert provider.requests[PREFIX["suno"]] == 0 and not ProviderSource.objects.filter(renewed_at__isnull=False)


def test_who_announced_it_is_given_it_whoever_else_registers_the_id(ana, bob, provider, apis):
    announce(ana)
    known(bob, provider)
    track = known(ana, provider)
    begin(provider, "suno", "t1", song(provider, "suno", "fresh"), finished=True)
    run_all()
    assert asset_of(track).state == "archived" and provider.requests[PREFIX["suno"]] == 1
    assert announce(ana)[1] is False


@pytest.mark.parametrize("url", ["https://evil.example/a.mp3", "http://127.0.0.1:1/a.mp3", "https://169.254.169.254/x"])
def test_a_fresh_address_of_another_host_is_not_taken(ana, provider, apis, url):
    track = known(ana, provider)
    begin(provider, "suno", "t1", Song({"audio": url}, key="a"), finished=True)
    run_all()
    assert (asset_of(track).state, asset_of(track).error_code) == ("gone_suspect", "GONE")
    assert ProviderSource.objects.get(track=track).renewed_at is None


def test_the_provider_is_asked_once_in_a_try(ana, provider, apis):
    track = known(ana, provider)
    dead = song(provider, "suno", "dead")
    provider.behave(dead.urls["audio"], Behaviour("403"))
    begin(provider, "suno", "t1", dead, finished=True)
    schedule.plan()
    ArchiveAsset.objects.update(attempts=3)
    run_all()
    assert asset_of(track).state == "gone_suspect" and provider.requests[PREFIX["suno"]] == 1
    assert asset_of(track).attempts == 4, "the failures of who gets one dead address after the other count on"


@pytest.mark.parametrize("behaviour", ["500", "truncated", "reset", "404"])
def test_past_its_expiry_the_provider_is_asked_whatever_failed(ana, provider, apis, behaviour):
    track = known(ana, provider, behaviour=behaviour)
    schedule.plan()
    past = clock.now() - dt.timedelta(days=2)
    ArchiveAsset.objects.update(expires_at=past, created_at=past - dt.timedelta(days=15))
    begin(provider, "suno", "t1", song(provider, "suno", "fresh"), finished=True)
    run_all()
    assert asset_of(track).state == "archived"
    assert ProviderSource.objects.get().expires_at > clock.now() + dt.timedelta(days=14)


@pytest.mark.parametrize("behaviour", ["500", "truncated"])
def test_an_ordinary_failure_asks_nobody(ana, provider, apis, behaviour):
    known(ana, provider, behaviour=behaviour)
    run_all()
    assert provider.requests[PREFIX["suno"]] == 0


def test_an_api_that_is_down_changes_nothing_of_what_becomes_of_it(ana, provider, apis):
    provider.generations.key = "another"
    track = known(ana, provider)
    run_all()
    assert (asset_of(track).state, asset_of(track).error_code) == ("gone_suspect", "GONE")


def test_the_provider_is_asked_where_nobody_waits_for_a_core(ana, provider, apis, monkeypatch):
    """A slow API must not hold up those who verify and store what others have downloaded."""
    known(ana, provider)
    begin(provider, "suno", "t1", song(provider, "suno", "fresh"), finished=True)
    asked, ask = [], Suno.read

    def read(client, task):
        asked.append((threading.current_thread().name.partition("_")[0], connection.connection))
        return ask(client, task)

    monkeypatch.setattr(Suno, "read", read)
    run_all()
    assert asked == [("download", None)] and ArchiveAsset.objects.get().state == "archived"


@pytest.mark.parametrize("ends", ["gone_suspect", "lost"])
def test_an_address_that_comes_while_the_old_one_fails_is_tried_and_not_given_up_with_it(ana, provider, ends):
    """The owner registers it again while a worker is at the dead address, on its last try or on any."""
    track = at_provider(provider, ana, behaviour="404")
    schedule.plan()
    if ends == "lost":
        ArchiveAsset.objects.update(expires_at=clock.now() - dt.timedelta(seconds=1))
    (asset,) = leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    url = song(provider, "suno", "second").urls["audio"]
    again(ana, track, audio_url=url)
    assert attempt.archive(asset) is False
    asset = asset_of(track)
    assert (asset.state, asset.attempts, asset.gone_checks, asset.source_url) == ("retrying", 0, 0, url)
    run_all()
    assert asset_of(track).state == "archived"


def test_a_lifetime_that_is_lengthened_during_a_try_holds_for_its_failure(ana, provider):
    track = at_provider(provider, ana, behaviour="404")
    schedule.plan()
    ArchiveAsset.objects.update(expires_at=clock.now() - dt.timedelta(seconds=1))
    (asset,) = leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    schedule.apply_lifetimes(Provider.objects.get(pk="suno"))
    attempt.archive(asset)
    assert asset_of(track).state == "gone_suspect"


def test_said_again_with_an_expiry_before_it_was_generated_it_is_refused(as_, ana, provider):
    track = at_provider(provider, ana)
    source = ProviderSource.objects.get(track=track)
    said = {"provider": "suno", "provider_track_id": source.provider_track_id, "title": "Again",
            "audio_url": song(provider, "suno", "second").urls["audio"],
            "generated_at": "2020-01-01T00:00:00Z", "expires_at": "2021-01-01T00:00:00Z"}  # fmt: skip
    answer = as_(ana).post("/api/v1/tracks", said, format="json")
    assert answer.status_code == 400 and "expires after it was generated" in str(answer.json()), answer.json()
    assert ProviderSource.objects.get(track=track).audio_url == source.audio_url


def test_a_refusal_in_place_of_the_file_asks_for_another_address(ana, provider, apis):
    track = known(ana, provider, behaviour="forbidden_literal")
    begin(provider, "suno", "t1", song(provider, "suno", "fresh"), finished=True)
    run_all()
    assert asset_of(track).state == "archived"


def again(ana, track, **urls):
    source = ProviderSource.objects.get(track=track)
    facts = {"audio_url": source.audio_url, **urls}
    return catalog.register_generated(
        owner=ana, provider=source.provider_id, provider_track_id=source.provider_track_id, title="Again", **facts
    )


def test_an_owner_who_registers_it_again_gives_what_was_lost_another_address(ana, provider):
    track = at_provider(provider, ana, behaviour="404")
    schedule.plan()
    ArchiveAsset.objects.update(state="lost", next_at=None, gone_checks=3)
    url = song(provider, "suno", "second").urls["audio"]
    found, new = again(ana, track, audio_url=url)
    asset = asset_of(track)
    assert (found.pk, new, asset.state, asset.source_url, asset.gone_checks) == (track.pk, False, "pending", url, 0)
    assert asset.expires_at > clock.now() + dt.timedelta(days=14)
    run_all()
    assert asset_of(track).state == "archived"


def test_the_ladder_begins_anew_with_the_address(ana, provider):
    """An hour that comes late is no part of a life of days."""
    track, second = at_provider(provider, ana, behaviour="500"), song(provider, "suno", "second").urls["audio"]
    provider.behave(second, Behaviour("truncated"))
    schedule.plan()
    ArchiveAsset.objects.update(created_at=clock.now() - dt.timedelta(hours=7), attempts=4)
    Provider.objects.update(lifetime=dt.timedelta(hours=1), audio_lifetime=None)
    again(ana, track, audio_url=second, expires_at=clock.now() + dt.timedelta(hours=1))
    run_all()
    asset = asset_of(track)
    assert (asset.state, asset.attempts) == ("retrying", 1)
    assert asset.next_at < clock.now() + dt.timedelta(seconds=30)


def test_said_again_with_the_same_addresses_nothing_moves(ana, provider):
    track = at_provider(provider, ana)
    run_all()
    before = ArchiveAsset.objects.values().get()
    again(ana, track)
    assert ArchiveAsset.objects.values().get() == before and ProviderSource.objects.get().renewed_at is None


@pytest.mark.parametrize("asked", [False, True], ids=["nobody to ask", "the provider says the same"])
def test_an_asset_that_was_planned_while_its_source_was_renewed_gets_the_new_address(ana, provider, settings, asked):
    """The planner reads the source, its addresses are changed, and then the asset is written."""
    if asked:
        open_apis(settings, provider)
    track, second = known(ana, provider, behaviour="404"), song(provider, "suno", "second")
    begin(provider, "suno", "t1", second, finished=True)
    read = Track.objects.select_related("source__provider").get(pk=track.pk)
    again(ana, track, audio_url=second.urls["audio"])
    schedule.plan_tracks([read])
    assert asset_of(track).source_url != second.urls["audio"]
    run_all()
    assert (asset_of(track).state, asset_of(track).source_url) == ("archived", second.urls["audio"])


def test_what_is_archived_keeps_the_address_it_came_from(ana, provider):
    track = at_provider(provider, ana)
    run_all()
    before = asset_of(track).source_url
    again(ana, track, audio_url=song(provider, "suno", "second").urls["audio"])
    assert (asset_of(track).source_url, asset_of(track).state) == (before, "archived")


def test_a_video_that_comes_later_is_planned(ana, provider):
    track = at_provider(provider, ana)
    run_all()
    ProviderSource.objects.update(generated_at=clock.now() - dt.timedelta(days=14, hours=23))
    again(ana, track, video_url=provider.publish("suno", "late.mp4", b"x", "video/mp4"))
    video = asset_of(track, "video")
    assert video.state == "pending" and video.expires_at > clock.now() + dt.timedelta(days=13)


def test_another_cover_moves_its_own_expiry_and_not_the_audios(ana, provider):
    track = at_provider(provider, ana, behaviour="500", cover=True, generated_at=clock.now() - dt.timedelta(days=10))
    provider.expire(track.source.cover_url)
    run_all()
    before = ProviderSource.objects.get(track=track)
    ArchiveAsset.objects.filter(kind="cover").update(state="lost", next_at=None)
    fresh = provider.publish("suno", "second.jpeg", synth.cover_jpeg(1, size=64), "image/jpeg", expires_in=None)
    again(ana, track, cover_url=fresh)
    source, cover = ProviderSource.objects.get(track=track), asset_of(track, "cover")
    assert (source.expires_at, source.renewed_at) == (before.expires_at, None)
    assert asset_of(track).expires_at == before.expires_at
    assert (cover.state, cover.source_url) == ("pending", fresh)
    assert cover.expires_at > clock.now() + dt.timedelta(days=14)


def test_another_host_is_refused_also_the_second_time(ana, provider):
    track = make_generated(ana)
    with pytest.raises(Exception, match="not allowed"):
        again(ana, track, audio_url="https://evil.example/a.mp3")
    assert ProviderSource.objects.get().renewed_at is None


# --- Lifetimes ----------------------------------------------------------------------------------------------
def test_each_kind_expires_by_its_own_lifetime(ana):
    track = make_generated(
        ana, cover_url="https://cdn1.suno.ai/c.jpeg", video_url="https://cdn1.suno.ai/v.mp4",
        generated_at=clock.now() - dt.timedelta(days=1),
    )  # fmt: skip
    Provider.objects.filter(pk="suno").update(video_lifetime=dt.timedelta(days=14))
    schedule.plan()
    since = track.source.generated_at
    days = {asset.kind: (asset.expires_at - since).days for asset in ArchiveAsset.objects.all()}
    assert days == {"audio": 15, "cover": 15, "video": 14}


def test_an_expiry_that_was_said_to_be_sooner_holds_for_all_kinds(ana):
    soon = clock.now() + dt.timedelta(hours=2)
    track = make_generated(ana, video_url="https://cdn1.suno.ai/v.mp4", expires_at=soon)
    Provider.objects.filter(pk="suno").update(video_lifetime=dt.timedelta(days=14))
    source = ProviderSource.objects.select_related("provider").get(track=track)
    assert {providers.expires(source, kind) for kind in ("audio", "video")} == {soon}


def test_a_changed_lifetime_is_for_older_tracks_only_when_asked_for(ana, provider):
    waiting, ours = at_provider(provider, ana, behaviour="500"), at_provider(provider, ana)
    run_all()
    before = {track: asset_of(track).expires_at for track in (waiting, ours)}
    service = Provider.objects.get(pk="suno")
    service.audio_lifetime = dt.timedelta(days=3)
    service.save()
    run_all()
    assert asset_of(waiting).expires_at == before[waiting]
    assert schedule.unarchived(service).count() == schedule.apply_lifetimes(service) == 1
    source = ProviderSource.objects.get(track=waiting)
    assert asset_of(waiting).expires_at == source.expires_at == source.generated_at + dt.timedelta(days=3)
    assert asset_of(ours).expires_at == before[ours]
    assert ProviderSource.objects.get(track=ours).expires_at == before[ours]
