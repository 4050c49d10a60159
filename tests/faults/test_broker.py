"""The broker forgets, dies, says things twice or says no: it costs time and nothing else (R5, R6, F2, F3, F5)."""

import datetime as dt
import json
import uuid

import pytest
from django.core.management import call_command
from django.db import models
from kombu.exceptions import OperationalError
from redis.exceptions import OutOfMemoryError

from apps.accounts.models import Notice
from apps.accounts.roles import Role
from apps.archive import generations, orders, orphans, schedule, tasks, verifications
from apps.archive.models import (
    ArchiveAsset,
    ArchiveJob,
    Finding,
    Generation,
    LedgerEntry,
    Manifest,
    Order,
    Verification,
)
from apps.catalog.models import Blob, Derivation, ProviderSource, Track, TrackFile
from apps.lib import clock, nudges, spool, storage
from deploy.demo.behaviours import Behaviour
from tests import make
from tests.archive.places import everything, overwrite, two_folders
from tests.archive.providers.world import begin, open_apis, song
from tests.faults import promises, sweep
from tests.faults.broker import Site, archived, doubles, wait_for
from tests.lib.threads import side_by_side

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLE, LATE = 100, 50


def nobody_runs() -> bool:
    with spool.alone("archive") as first:
        return first


@pytest.mark.servers
def test_all_are_archived_although_the_broker_loses_everything_twice(ana, provider, tmp_path, settings):
    """With two beats, and with messages that come many times: `bench/archive_broker.py` does it with ten thousand."""
    settings.SPOOL = tmp_path / "spool"
    for _ in range(SAMPLE):
        sweep.small(provider, ana, cover=False)
    with Site(tmp_path / "var", provider.origin, beats=2) as site:
        site.send("archive.work", "archive.plan", "archive.sweep", times=5)
        wait_for(lambda: archived() >= SAMPLE // 4, 60, "the archiver began")
        site.flush_broker()
        site.kill_broker()
        # Nobody is told of these, and a run that needs no broker ends before they come.
        wait_for(lambda: archived() == SAMPLE and nobody_runs(), 60, "the run under way went on")
        for _ in range(LATE):
            sweep.small(provider, ana, cover=False)
        assert archived() == SAMPLE
        site.start_broker()
        took = wait_for(lambda: archived() == SAMPLE + LATE, 120, "what came meanwhile")
        site.watch()
        assert site.deaths() == 0, site.log("archiver")[-3000:]
    kept = promises.kept(sweep.published)
    print(f"{SAMPLE + LATE} archived, the last {LATE} in {took:.0f} s after the restart")
    assert kept.sound and not doubles(), kept


# --- Everything twice, at once (R6) ------------------------------------------------------------------------------
NAMES = (
    "archive.plan", "archive.work", "archive.ask", "archive.sweep", "archive.orders", "archive.daily",
    "fixity.copy", "fixity.scrub", "fixity.orphans", "ledger.close", "ledger.verify",
)  # fmt: skip
ROWS = (ArchiveAsset, ArchiveJob, Generation, LedgerEntry, Manifest, Order, Verification, Finding, Notice,
        Blob, Derivation, ProviderSource, Track, TrackFile)  # fmt: skip
# Drawn anew by every run. Left out are the hosts, too: what they are let in for depends on which answer came last.
DRAWN = {"id", "seq", "token", "tokens", "version", "number", "provider_track_id", "previous", "link"}
# How long it took, and which of two files of the same bytes came first.
OF_THE_DAY = {"seconds", "stored_anew"}


def bodies() -> dict:
    own = [each for each in vars(tasks).values() if getattr(each, "__module__", "") == tasks.__name__]
    return {each.name: each for each in own if hasattr(each, "apply_async")}


def rows() -> list[str]:
    """Every row that archiving touches, without what differs between any two runs; pointers by what they point at."""
    names = {asset.pk: f"{asset.kind} of {asset.track.title}" for asset in ArchiveAsset.objects.select_related("track")}
    names |= {track.pk: track.title for track in Track.objects.all()} | {
        blob.pk: blob.sha256 for blob in Blob.objects.all()
    }

    def told(value):
        if isinstance(value, dict):
            return {name: told(each) for name, each in value.items() if name not in OF_THE_DAY}
        if isinstance(value, list):
            return [told(each) for each in value]
        if isinstance(value, uuid.UUID):
            return names.get(value, "drawn")
        return "a time" if isinstance(value, dt.date) else value

    def row(each: models.Model) -> dict:
        columns = {field.attname: getattr(each, field.attname) for field in each._meta.concrete_fields}
        return {"of": each._meta.label} | {n: told(value) for n, value in columns.items() if n not in DRAWN}

    return sorted(json.dumps(row(each), sort_keys=True, default=str) for model in ROWS for each in model.objects.all())


def begun(provider, settings, folder) -> None:
    """Something to do for every task; the same whenever it is called."""
    call_command("flush", verbosity=0, interactive=False)
    two_folders(settings, folder)
    provider.generations.__init__()
    ana = make.make_user("ana")
    LedgerEntry.objects.create(
        at=dt.datetime.combine(clock.now().date() - dt.timedelta(days=1), dt.time(12), dt.UTC), event="lost", state_to="lost", track=uuid.UUID(int=1),
        asset=uuid.UUID(int=2), kind="audio",
    )  # fmt: skip

    def track(name: str, behaviour: str = "") -> Track:
        url = provider.publish("suno", f"{name}.mp3", make.audio("mp3", seed=len(name)), "audio/mpeg")
        provider.behave(url, Behaviour(behaviour or "ok"))
        made = make.make_generated(ana, title=name, audio_url=url)
        schedule.plan_tracks([made])
        return made

    def state(name: str, target: str, **facts) -> None:
        mine = ArchiveAsset.objects.filter(track=track(name))
        ArchiveAsset.machine.move_all(mine, "running", lease_until=clock.now() - dt.timedelta(seconds=1))
        if target != "running":
            ArchiveAsset.machine.move_all(mine, target, lease_until=None, **facts)
        mine.update(**facts)

    for name, behaviour in {"a": "", "bb": "", "ccc": "404", "dddd": "500"}.items():
        track(name, behaviour)
    make.make_generated(
        ana, title="new", audio_url=provider.publish("suno", "new.mp3", make.audio("mp3", seed=50), "audio/mpeg")
    )
    state("poison", "running", crashes=4)
    state("crashed", "running", crashes=1)
    state("quarantined", "quarantined", next_at=clock.now())
    state("lost", "lost", next_at=None)
    state(
        "given_up",
        "quarantined",
        next_at=clock.now() + dt.timedelta(hours=1),
        expires_at=clock.now() - dt.timedelta(days=3),
    )
    lost = ArchiveAsset.objects.filter(state="lost")
    orders.ask(verb="retry", rows=lost, by=make.make_user("mod", roles=[Role.MODERATOR]))
    open_apis(settings, provider)
    begin(provider, "suno", "t1", song(provider, "suno", "sung"), finished=True)
    generations.announce(owner=ana, provider="suno", provider_track_id="t1", title="To Come")
    storage.put_bytes(b"nobody's")
    verifications.ask()


def damaged() -> None:
    """One of the files of which there is a copy loses its bytes."""
    blob = Blob.objects.filter(copied_at__isnull=False).order_by("sha256").first()
    overwrite(blob.key, None)
    blob.ask()


def after(name: str, times: int) -> tuple[list[str], dict]:
    if name == "fixity.scrub":
        damaged()
    body = bodies()[name]
    told = side_by_side(*[body] * times)
    assert not [each for each in told if isinstance(each, Exception)], (name, told)
    return rows(), {place: everything(place) for place in (storage.MAIN, storage.COPY)}


def test_every_task_run_twice_at_once_leaves_what_one_run_leaves(provider, settings, tmp_path, monkeypatch):
    """On two machines, as it were: the lock that lets one run at a time on one machine does not hold here."""
    assert set(NAMES) == set(bodies())
    monkeypatch.setattr(spool, "alone", lambda name: _everybody())
    monkeypatch.setattr(orphans, "KEPT", dt.timedelta(0))
    settings.ARCHIVE_TRIES = 1
    found = {}
    for times in (1, 2):
        begun(provider, settings, tmp_path / str(times))
        found[times] = {name: after(name, times) for name in NAMES}
    for name in NAMES:
        (once, store), (twice, stores) = found[1][name], found[2][name]
        assert twice == once, name
        assert stores == store, name
    assert Track.objects.filter(title="To Come").exists() and Finding.objects.exists() and Manifest.objects.count() == 1
    print(f"{len(NAMES)} tasks twice at once: {len(once)} rows and {sum(map(len, store.values()))} objects alike")


class _everybody:
    def __enter__(self):
        return True

    def __exit__(self, *failure):
        return None


# --- Messages that never leave (F5) ------------------------------------------------------------------------------
@pytest.mark.parametrize("failure", [OperationalError("away"), OutOfMemoryError("full"), OSError(28, "full")])
def test_the_sweep_does_the_work_when_no_message_ever_leaves(ana, provider, monkeypatch, failure):
    def refused(*args, **options):
        raise failure

    for body in bodies().values():
        monkeypatch.setattr(body, "apply_async", refused)
    monkeypatch.setattr("apps.catalog.tasks.sweep.apply_async", refused)
    tracks = [sweep.small(provider, ana) for _ in range(3)]
    nudges.send(tasks.work)
    tasks.sweep()
    assert archived() == 2 * len(tracks)


def test_one_message_is_enough_for_whatever_is_due(ana, provider):
    """A limit on what one message may do would be a limit on what a minute may bring."""
    for _ in range(60):
        sweep.small(provider, ana, cover=False)
    assert tasks.work() == archived() == 60
