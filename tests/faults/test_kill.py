"""SIGKILL in the middle of fifty archivings, three times: nothing lost, nothing wrong, no row without bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog.models import Blob
from apps.lib import clock, storage
from deploy.demo.behaviours import Behaviour
from tests.archive.world import at_provider
from tests.make import audio

FIFTY, KILLS = 50, 3

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]


def make_worker(provider, folder) -> subprocess.Popen:
    """The real command in a process of its own, on the test's database, store and provider."""
    database = connection.settings_dict
    where = (
        f"host={quote(database['HOST'] or database['OPTIONS'].get('host', ''), safe='')}&port={database['PORT'] or ''}"
    )
    access = f"{database['USER']}:{quote(database['PASSWORD'] or '', safe='')}"
    env = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{access}@/{database['NAME']}?{where.removesuffix('&port=')}",
        "STORAGE_URL": f"file://{settings.STORAGES['blobs']['OPTIONS']['location']}",
        "SPOOL_DIR": str(folder),
        "SPOOL_RESERVE_BYTES": "0",
        "KEEPTRACK_FETCH_ORIGINS": provider.origin,
        "LEASE_SECONDS": "3",
    }
    command = [sys.executable, "manage.py", "archive_due", "--limit", "1000", "--seconds", "60"]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(condition, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def archived() -> int:
    return ArchiveAsset.objects.filter(state="archived").count()


def test_fifty_archivings_survive_three_kills(ana, provider, tmp_path):
    tracks = [at_provider(provider, ana, seed=seed % 5) for seed in range(FIFTY)]
    for track in tracks:
        provider.behave(track.source.audio_url, Behaviour("slow", 400_000))
    schedule.plan()
    for kill in range(1, KILLS + 1):
        worker = make_worker(provider, tmp_path)
        try:
            wait_for(lambda goal=kill * 10: archived() >= goal)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert archived() < FIFTY
        wait_for(lambda: not ArchiveAsset.objects.filter(state="running", lease_until__gt=clock.now()).exists())
    assert ArchiveAsset.objects.filter(state="running").exists(), "no kill fell into a running archiving"
    assert make_worker(provider, tmp_path).wait() == 0

    assert archived() == FIFTY
    assert ArchiveAsset.objects.filter(crashes__gt=0).exists()
    for blob in Blob.objects.all():
        with storage.open(blob.key) as stored:
            assert hashlib.sha256(stored.read()).hexdigest() == blob.sha256
    assert Blob.objects.count() == len({audio("mp3", seed=seed % 5) for seed in range(FIFTY)})
    assert ArchiveJob.objects.filter(status="completed").count() == FIFTY
    assert not ArchiveJob.objects.filter(status__in=["pending", "processing"]).exists()
