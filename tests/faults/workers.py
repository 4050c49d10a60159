"""Workers that die: children of one warmed-up process, so that many can be born and killed in a second.

`python -m tests.faults.workers` takes orders as lines of JSON: {"work": {"track": id, "at": point}} bears a worker and
answers with its process id, {"wait": id} with how it ended. A worker with a point ends itself there by SIGKILL; a point
is a call of `calls` with "before" or "after" it: "cover: link in store, after".
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import storages
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 3


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
        "LEASE_SECONDS": str(LEASE_S),
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

    def _asked(self, order: dict) -> int:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, *, track: object = None, at: str = "", seconds: float = 60) -> int:
        """The process id of a new worker: of one track in one thread, or of whatever is due."""
        return self._asked({"work": {"track": track and str(track), "at": at, "seconds": seconds}})

    def wait(self, worker: int) -> bool:
        """Whether it was killed; it is gone then."""
        return self._asked({"wait": worker}) == -signal.SIGKILL

    def kill(self, worker: int) -> bool:
        os.kill(worker, signal.SIGKILL)
        return self.wait(worker)


class Points:
    """A hook that knows the points of an archiving, and ends the process at one of them."""

    def __init__(self, at: str = "", act: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL)):
        self.seen: dict[str, None] = {}
        self.at, self.act = at, act

    def __call__(self, name: str, kind: str, moment: str) -> None:
        point = f"{name}, {moment}"
        self.seen.setdefault(point)
        if point == self.at:
            self.act()


def main() -> None:
    """Serve until nobody asks any more."""
    import django

    django.setup()
    from apps.archive import working
    from apps.catalog.models import Track
    from tests.faults.calls import watched

    def work(track: str | None, at: str, seconds: float) -> None:
        settings.ARCHIVE_PARALLEL = 1 if track else 4
        only = track and Track.objects.get(pk=track)
        with watched(Points(at), spool=settings.SPOOL, store=Path(storages["blobs"].location)):
            working.work(limit=2 if track else 10_000, seconds=seconds, track=only)

    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if not answer:
                _as_a_child(lambda wish=order["work"]: work(**wish))
        print(json.dumps(answer), flush=True)


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
