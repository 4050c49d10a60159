"""Every call to a real S3 server goes wrong in every way: nothing is archived that is not there (F13, F14, S0-21)."""

import hashlib

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from django.core.files.storage import storages

from apps.archive import schedule, working
from apps.archive.models import ArchiveAsset
from apps.catalog import sweeper
from apps.catalog.models import Blob, Track
from apps.lib import clock, storage
from apps.lib.storage_url import backend_from_url
from tests.archive import places
from tests.archive.world import asset_of
from tests.faults import promises, sweep
from tests.faults.store import FAULTS, StoreProxy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]

FOR_EVER = 1_000_000
# What says nothing that we believe, or concerns a body where there is none: with these a try may well end.
MAY_END_WELL = {"wrong ETag", "truncated", "flipped byte", "flipped on the way in"}
# The client's own second try would hide from ours what goes wrong.
QUICK = Config(connect_timeout=0.5, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})


@pytest.fixture
def proxy(object_store, settings, monkeypatch):
    with StoreProxy(object_store) as running:
        places.use(settings, running.url)
        options = settings.STORAGES["blobs"]["OPTIONS"]
        options["client_config"] = options["client_config"].merge(QUICK)
        monkeypatch.setattr(storage, "pause", lambda seconds: None)
        yield running


@pytest.fixture
def lies(object_store):
    """`lies(key)`: the bytes that the store itself has there, past the proxy; None without any."""
    direct = storages.create_storage(backend_from_url(object_store))

    def found(key: str) -> bytes | None:
        try:
            return direct.connection.meta.client.get_object(Bucket=direct.bucket_name, Key=key)["Body"].read()
        except ClientError:
            return None

    return found


def work(track: Track) -> ArchiveAsset:
    working.work(limit=1, seconds=20, track=track)
    return asset_of(track)


def right(asset: ArchiveAsset, lies) -> bool:
    """Archived, and the store has exactly what the provider served."""
    if asset.state != "archived" or (there := lies(asset.blob.key)) is None:
        return False
    return hashlib.sha256(there).hexdigest() == asset.blob.sha256 == sweep.published[asset.source_url]


@pytest.mark.parametrize("fault", FAULTS)
def test_any_call_to_the_store_may_fail_in_any_way(ana, provider, proxy, lies, fault):
    work(sweep.small(provider, ana, cover=False))
    calls, ended = list(proxy.calls), {"once": 0, "for ever": 0}
    for number in range(FAULTS.index(fault) % 2, len(calls), 2):  # half of them each, turn and turn about
        for how, until in (("once", number + 1), ("for ever", FOR_EVER)):
            if how == "for ever" and 0 < number < len(calls) - 1:  # what begins in between is no other outage
                continue
            track = sweep.small(provider, ana, cover=False)
            proxy.breaks(fault, number, until=until)
            asset = work(track)
            assert proxy.broken, (number, how)
            if asset.state == "archived":
                assert right(asset, lies), (number, how)
                ended[how] += 1
            else:
                assert (asset.state, asset.error_code) == ("retrying", "STORAGE_FAILED"), (number, how)
                assert (asset.attempts, asset.crashes) == (0, 0), "a fault of ours is counted as one of the file's"
            proxy.breaks()
            assert promises.until_done(track) == 1 and right(asset_of(track), lies), (number, how)
    print(f"{fault}: {len(calls)} calls, once and for ever; ended well at once {ended}")
    assert ended["for ever"] == 0 or fault in MAY_END_WELL
    assert promises.spool_left() == 0


def test_a_store_that_reads_other_bytes_than_it_has_archives_nothing(ana, provider, proxy):
    track = sweep.small(provider, ana, cover=False)
    proxy.breaks("flipped byte", until=FOR_EVER)
    assert work(track).error_code == "STORAGE_FAILED" and "GET" in proxy.calls


def test_a_store_that_fails_while_it_deletes_keeps_the_row(ana, provider, proxy):
    """The one network call inside a transaction, with its row locked: the next sweep does it again."""
    track = sweep.small(provider, ana, cover=False)
    blob = work(track).blob
    Track.machine.move(track, "removed", removed_at=clock.now(), title="")
    track.files.all().delete()
    schedule.keep_house()
    for days, fault in enumerate(("", "500", "silence", "lost answer", "")):
        proxy.breaks(fault, until=FOR_EVER)
        sweeper.sweep(now=clock.now() + days * sweeper.KEPT)
        assert Blob.objects.filter(pk=blob.pk).exists() == (days < 4)
