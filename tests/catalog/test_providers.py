"""What staff say of a provider decides which URLs are accepted and how long they live."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from apps.catalog import actions, providers
from apps.catalog.models import Provider, ProviderSource
from apps.lib.errors import Refusal
from tests.make import make_generated

pytestmark = pytest.mark.django_db


def test_an_unknown_provider_is_refused_with_the_known_ones():
    with pytest.raises(Refusal, match="mureka, replicate, suno"):
        providers.known("napster")


@pytest.mark.parametrize(
    ("code", "url", "allowed"),
    [
        ("suno", "https://cdn1.suno.ai/a.mp3", True), ("suno", "https://replicate.delivery/a.wav", False),
        ("replicate", "https://replicate.delivery/a.wav", True), ("replicate", "https://x.replicate.delivery/a", True),
        ("mureka", "https://static.mureka.ai/a.mp3", True), ("mureka", "https://mureka.ai.evil.example/a.mp3", False),
    ],
)  # fmt: skip
def test_each_provider_serves_from_its_own_hosts(code, url, allowed):
    provider = providers.known(code)
    if allowed:
        providers.check_urls(provider, {"audio_url": url})
    else:
        with pytest.raises(Refusal) as refused:
            providers.check_urls(provider, {"audio_url": url})
        assert refused.value.code == "URL_REFUSED" and "audio_url" in refused.value.fields


def test_a_host_added_by_staff_counts_at_once():
    Provider.objects.filter(pk="suno").update(hosts=["media.example.org"])
    providers.check_urls(providers.known("suno"), {"audio_url": "https://media.example.org/a.mp3"})


def test_no_origin_is_allowed_unless_the_settings_name_it(settings):
    assert settings.FETCH_ORIGINS == ()
    with pytest.raises(Refusal):
        providers.check_urls(providers.known("suno"), {"audio_url": "http://127.0.0.1:8901/a.mp3"})
    settings.FETCH_ORIGINS = ("http://127.0.0.1:8901",)
    providers.check_urls(providers.known("suno"), {"audio_url": "http://127.0.0.1:8901/a.mp3"})


def test_the_lifetime_runs_from_the_generation():
    made = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert providers.expiry(providers.known("replicate"), made) == made + dt.timedelta(hours=1)
    assert providers.expiry(providers.known("suno"), made) == made + dt.timedelta(days=15)


def test_suno_keeps_videos_for_a_day_less_than_the_rest():
    """S3-17."""
    made = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert providers.expiry(providers.known("suno"), made, "video") == made + dt.timedelta(days=14)
    assert providers.expiry(providers.known("suno"), made, "cover") == made + dt.timedelta(days=15)


@pytest.mark.parametrize("kind", ["audio", "cover", "video"])
def test_a_lifetime_of_a_kind_is_held_to_the_same_bounds(kind):
    for length in (dt.timedelta(0), dt.timedelta(days=-1), dt.timedelta(days=3651)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Provider.objects.filter(pk="suno").update(**{f"{kind}_lifetime": length})


def test_a_removed_track_gets_no_address_back(ana):
    track = make_generated(ana)
    actions.remove(track=track, by=ana)
    source = ProviderSource.objects.get(track=track)
    assert not providers.renew(source, {"audio": "https://cdn1.suno.ai/new.mp3"})
    assert ProviderSource.objects.get(track=track).audio_url == ""
