"""Workers that die: children of one warmed-up process, so that many can be born and killed in a second.

`python -m tests.faults.workers` takes orders as lines of JSON: {"work": {...}} bears a worker and answers with its
process id, {"wait": id} with how it ended. A worker that is given a point sends itself a signal there, SIGKILL unless
told otherwise; a point is a call of `calls` with the moment before or after it: "cover: link in store, after".
"""

import datetime as dt
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 1.5
POISON = b"poison of a decoder"


def environment(origin: str) -> dict[str, str]:
    """What a process needs to work on this one's database, store, spool and provider."""
    database = connection.settings_dict
    host = database["HOST"] or database["OPTIONS"].get("host", "")
    where = f"host={quote(host, safe='')}" + (f"&port={database['PORT']}" if database["PORT"] else "")
    access = f"{database['USER']}:{quote(database['PASSWORD'] or '', safe='')}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"postgresql://{access}@/{database['NAME']}?{where}",
        "STORAGE_URL": f"file://{settings.STORAGES['blobs']['OPTIONS']['location']}",
        "SPOOL_DIR": str(settings.SPOOL),
        "SPOOL_RESERVE_BYTES": "0",
        "KEEPTRACK_FETCH_ORIGINS": origin,
        "LEASE_SECONDS": "3",
        "LOG_LEVEL": "CRITICAL",
    }


class Workers:
    """The process that bears them, inside `with`."""

    def __init__(self, origin: str):
        self._env = environment(origin)

    def __enter__(self) -> "Workers":
        command = [sys.executable, "-m", "tests.faults.workers"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _asked(self, order: dict) -> int:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(
        self,
        *,
        track: object = None,
        at: str = "",
        by: int = signal.SIGKILL,
        quarantined: bool = False,
        poisoned: bool = False,
        limit: int = 2,
        seconds: float = 60,
    ) -> int:
        """The process id of a new worker: of so many files of one track, of one quarantined file, or of whatever is due.

        `poisoned`: what decodes a file with POISON in it kills the process that asked for it.
        """
        wish = {"track": track and str(track), "at": at, "by": int(by), "quarantined": quarantined}
        return self._asked({"work": {**wish, "poisoned": poisoned, "limit": limit, "seconds": seconds}})

    def wait(self, worker: int) -> bool:
        """Whether it was killed; it is gone then."""
        return self._asked({"wait": worker}) == -signal.SIGKILL

    def kill(self, worker: int) -> bool:
        os.kill(worker, signal.SIGKILL)
        return self.wait(worker)


def main() -> None:
    """Serve until nobody asks any more."""
    import django

    django.setup()
    settings.LEASE = dt.timedelta(seconds=LEASE_S)
    from apps.archive import tasks  # noqa: F401 - loaded once, for all of them

    gc.freeze()
    alive: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
            alive.discard(order["wait"])
        else:
            answer = os.fork()
            if not answer:
                _as_a_child(lambda wish=order["work"]: _work(**wish))
            alive.add(answer)
        print(json.dumps(answer), flush=True)
    for worker in alive:
        os.kill(worker, signal.SIGKILL)


def _work(track: str | None, at: str, by: int, quarantined: bool, poisoned: bool, limit: int, seconds: float) -> None:
    from apps.archive import working
    from apps.catalog.models import Track
    from tests.faults.calls import Script, watched

    settings.ARCHIVE_PARALLEL, settings.ARCHIVE_SETTLERS = (2, 1) if track else (4, 2)
    if poisoned:
        _poison()
    if quarantined:
        working.work_quarantined()
    elif not at:
        only = track and Track.objects.get(pk=track)
        working.work(limit=limit if track else 10_000, seconds=seconds, track=only)
    else:
        point, _, moment = at.rpartition(", ")
        script = Script(point, moment, lambda kind: os.kill(os.getpid(), by))
        with watched(script) as calls:
            calls.made("begin", "run")
            told = lambda asset: calls.made(f"tell of {asset.kind}", "run")  # noqa: E731
            working.work(limit=limit, seconds=seconds, track=Track.objects.get(pk=track), told=told)
            calls.made("end", "run")


def _poison() -> None:
    from apps.lib import media

    probe = media.probe

    def read(path: Path, **options):
        if POISON in path.read_bytes():
            os.kill(os.getpid(), signal.SIGKILL)
        return probe(path, **options)

    mock.patch.object(media, "probe", read).start()


def _as_a_child(work: Callable[[], None]) -> None:
    """Neither the orders nor the answers are the child's business."""
    code = 1
    try:
        for standard, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
            os.dup2(os.open(os.devnull, mode), standard)
        work()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
