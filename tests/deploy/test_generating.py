"""The demo shows music that is made while one looks on, and a dead address that is replaced."""

import pytest

from apps.archive import generations
from apps.archive.models import Generation
from apps.catalog.models import ProviderSource, Track
from apps.lib import clock
from deploy.demo import generating
from tests.archive.providers.world import open_apis
from tests.archive.world import asset_of, run_all
from tests.make import make_providers, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people():
    make_providers()
    return {row[0]: make_user(row[0]) for row in (generating.ON_ITS_WAY, generating.DEAD)}


def test_what_is_announced_finishes_and_a_dead_address_is_replaced(people, settings, provider, tmp_path):
    settings.VAR = tmp_path
    open_apis(settings, provider)
    provider._directory = tmp_path / "demo" / "provider"
    assert generating.bring(people, {}, None)
    assert Generation.objects.get().state == "waiting"
    _, code, task, title, *_ = generating.ON_ITS_WAY
    provider.generations.finish(code, task)
    Generation.objects.update(next_at=clock.now())
    generations.work(seconds=10)
    run_all()
    tracks = {track.title: track for track in Track.objects.all()}
    assert {title, generating.DEAD[3]} == tracks.keys()
    assert {asset_of(track).state for track in tracks.values()} == {"archived"}
    assert ProviderSource.objects.exclude(renewed_at=None).get().track.title == generating.DEAD[3]
    assert not generating.bring(people, tracks, None)


def test_without_its_provider_nothing_is_made(people, settings, tmp_path):
    settings.VAR, settings.FETCH_ORIGINS = tmp_path, ("http://127.0.0.1:9",)
    assert not generating.bring(people, {}, None)
    assert not Track.objects.exists() and not Generation.objects.exists()
