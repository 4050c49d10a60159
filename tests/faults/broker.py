"""Broker, archiver and beat as `bin/up` starts them, on this process's database, store and provider; the broker dies."""

import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from celery import Celery
from django.db import connection

from apps.archive.models import ArchiveAsset, LedgerEntry
from deploy.local import children, folder, servers, up
from deploy.local.children import Child, Farewell
from deploy.local.screen import Screen
from deploy.local.supervise import Service, Supervisor
from tests.faults.workers import environment

QUEUE = "archive"
LEASE_S = "60"  # as it is by default: nobody who lives may lose one


class Site:
    """The processes, running inside `with`; use it from the main thread, which they end with."""

    def __init__(self, path: Path, origin: str, *, beats: int = 1):
        mask = os.umask(0o077)
        self._place, self._beats = folder.prepare(path, room=0), beats
        os.umask(mask)  # which it changed for us too
        self.messages = Celery("watcher", broker=f"redis+socket://{servers.valkey_socket(self._place)}")
        env = environment(origin) | {"REDIS_URL": servers.valkey_url(self._place), "KEEPTRACK_VAR": str(path)}
        self._supervisor = Supervisor(self._place, Screen(), env | {"LEASE_SECONDS": LEASE_S, "LOG_LEVEL": "INFO"})
        self.broker: Child

    def __enter__(self) -> "Site":
        try:
            self.start_broker()
            (self._place.path / "beat").mkdir()
            options = up.parse(["--no-demo", "--data", str(self._place.path)])
            programs = up.programs(self._supervisor, options)
            self._keep("archiver", *programs["archiver"])
            for number in range(self._beats):
                command = [f"{word}{number}" if word == self._schedule else word for word in programs["beat"][0]]
                self._keep("beat", command, programs["beat"][1])
        except BaseException:
            self._supervisor.stop()
            raise
        return self

    def _keep(self, name: str, command: list, farewell: Farewell) -> None:
        self._supervisor.keep(Service(name, partial(self._supervisor.spawn, name, command, farewell=farewell)))

    def watch(self) -> None:
        """As `bin/up` does several times a second: who fell is started again."""
        self._supervisor.watch()

    def deaths(self) -> int:
        """How often the archiver and the beats died by themselves."""
        return sum(service.quick_deaths for service in self._supervisor.services)

    def __exit__(self, *failure: object) -> None:
        self._supervisor.stop()
        shutil.rmtree(self._place.run, ignore_errors=True)

    @property
    def _schedule(self) -> Path:
        return self._place.path / "beat" / "schedule"

    def start_broker(self) -> None:
        self.broker = servers.start_valkey(self._place, self._supervisor.spawn)
        servers.wait(self.broker, lambda: servers.valkey_ready(self._place))

    def kill_broker(self) -> None:
        """SIGKILL, and nothing of its data is left."""
        self.broker.process.kill()
        self.broker.process.wait()
        children.kill_group(self.broker.process.pid)
        self._supervisor.spawned.remove(self.broker)
        shutil.rmtree(self._place.path / "valkey")

    def flush_broker(self) -> None:
        with self.messages.connection_for_write() as wire:
            wire.default_channel.client.flushall()

    def send(self, *names: str, times: int = 1) -> None:
        """The messages of these tasks, each so often."""
        for name in names * times:
            self.messages.send_task(name, queue=QUEUE)

    def log(self, name: str) -> str:
        return self._place.log(name).read_text(errors="replace")


def archived() -> int:
    return ArchiveAsset.objects.filter(state="archived").count()


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds until it holds; an AssertionError after so many."""
    began = time.monotonic()
    while not condition():
        connection.close_if_unusable_or_obsolete()
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)
    return time.monotonic() - began


def doubles() -> int:
    """Assets that were claimed or archived more than once."""
    ends = LedgerEntry.objects.filter(event="archived")
    return ArchiveAsset.objects.filter(token__gt=1).count() + ends.count() - ends.values("asset").distinct().count()
