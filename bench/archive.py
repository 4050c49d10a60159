#!/usr/bin/env python3
"""The archive from a provider that gives 4 MB/s a connection, and its queue beside one Celery task per file.

Row 13: files of 8 MB from a server on loopback, 1, 8, 16 and 32 at a time: the loop that reads one file after the
other, ours (download and hash alone, and all of it: decoded, stored, settled), and the provider's N x 4 MB/s as limit.
Row 14: 200,000 due rows and four workers that claim in batches, beside Celery with a broker and a worker of its own.
Makes a database beside the one of DATABASE_URL and drops it; REDIS_URL is the broker, and its database is emptied.

Goals: at least 90 % of N x 4 MB/s up to N = 32, at most 3 MB of memory a file in flight; claims 50 times as fast as
tasks, and no row claimed twice.
"""

import argparse
import io
import multiprocessing
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup()

import redis  # noqa: E402
from celery import Celery  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from apps.archive import attempt, schedule, working  # noqa: E402
from apps.archive.models import ArchiveAsset  # noqa: E402
from apps.lib import clock, leases  # noqa: E402
from bench.measure import Goals  # noqa: E402
from tests.make import make_generated, make_user  # noqa: E402

RATE = 4_000_000  # bytes a second of one connection
SECONDS_OF_SOUND = 45  # 8 MB of WAV
PIECE = 64 * 1024
ROWS, WORKERS, BATCH, TASKS = 200_000, 4, 200, 4_000
AT_LEAST, MOST_MB, TIMES = 0.9, 3.0, 50

celery = Celery("bench", broker=os.environ.get("BENCH_BROKER", ""))
celery.conf.update(task_ignore_result=True, worker_prefetch_multiplier=64)
DONE = "bench:done"


@celery.task(name="bench.nothing")
def nothing() -> None:
    _broker().incr(DONE)


@celery.task(name="bench.one_file")
def one_file(key: str) -> None:
    """A task per file still has to take its row, or two deliveries of one message fetch it twice."""
    ArchiveAsset.objects.filter(pk=key, state="pending").update(token=1)
    _broker().incr(DONE)


def _broker(cache=[]) -> redis.Redis:  # noqa: B006 - one connection per process
    if not cache:
        cache.append(redis.Redis.from_url(celery.conf.broker_url))
    return cache[0]


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(range(256)) * (SECONDS_OF_SOUND * 44_100 * 4 // 256))
    return out.getvalue()


class Provider(BaseHTTPRequestHandler):
    """`/<number>.wav`: a file of its own for each number, at RATE."""

    protocol_version = "HTTP/1.1"
    data = b""

    def do_GET(self) -> None:
        number = int(self.path.strip("/").removesuffix(".wav"))
        body = self.data[:64] + struct.pack("<Q", number) + self.data[72:]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        begun = time.monotonic()
        for at in range(0, len(body), PIECE):
            self.wfile.write(body[at : at + PIECE])
            ahead = begun + (at + PIECE) / RATE - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)

    def log_message(self, *args) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


def serve(port, data: bytes) -> None:
    Provider.data = data
    server = Server(("127.0.0.1", 0), Provider)
    port.send(server.server_port)
    server.serve_forever()


class Memory(threading.Thread):
    """The most this process has at a time, above what it had at the beginning, in MB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.before, self.most = threading.Event(), self.now(), 0.0

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.most = max(self.most, self.now() - self.before)

    @staticmethod
    def now() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    def __enter__(self) -> "Memory":
        self.start()
        return self

    def __exit__(self, *failure) -> None:
        self.over.set()
        self.join()


def row_13(goals: Goals, owner, origin: str, size: int, at_once: list[int], rounds: int) -> None:
    numbers = iter(range(1, 1_000_000))

    def plan(count: int) -> None:
        for _ in range(count):
            make_generated(owner, audio_url=f"{origin}/{next(numbers)}.wav")
        schedule.plan()

    def naive(count: int) -> None:
        for _ in range(count):
            with urllib.request.urlopen(f"{origin}/{next(numbers)}.wav") as answer, tempfile.TemporaryFile() as file:
                file.write(answer.read())

    def downloads(count: int) -> None:
        now = clock.now()
        assets = working.claim(list(schedule.lanes(now=now)), count, now=now, heeding=False)
        attempts = [attempt.Attempt(asset, now=now) for asset in assets]
        with ThreadPoolExecutor(settings.ARCHIVE_PARALLEL) as pool:
            list(pool.map(attempt.Attempt.download, attempts))
        for each in attempts:
            each.leave()
            each.asset.settle("dropped")  # or it would be due again in the middle of what is measured next

    def whole(count: int) -> None:
        assert working.work(limit=count, seconds=600) == count
        assert not ArchiveAsset.objects.exclude(state__in=["archived", "dropped"]).exists()

    print(f"\nrow 13: files of {size / 1e6:.1f} MB, {RATE / 1e6:.0f} MB/s a connection; MB/s of the clock")
    print(f"  {'at a time':>9}  {'':24}{'MB/s':>8}{'of limit':>10}{'cpu ms a file':>15}{'MB a file in flight':>21}")
    _row(1, "naive", size, 3, naive)
    for wide in at_once:
        settings.ARCHIVE_PARALLEL, count = wide, max(3, wide * rounds)
        plan(count)
        share, _ = _row(wide, "ours, download and hash", size, count, downloads)
        goals.check(f"{wide} at a time: download and hash at 90 % of the limit", share >= AT_LEAST)
        plan(count)
        share, memory = _row(wide, "ours, all of it", size, count, whole)
        goals.check(f"{wide} at a time: all of it at 90 % of the limit", share >= AT_LEAST)
        goals.check(f"{wide} at a time: at most {MOST_MB:.0f} MB a file", memory <= MOST_MB)


def _row(wide: int, name: str, size: int, count: int, call: Callable[[int], None]) -> tuple[float, float]:
    with Memory() as memory:
        used, begun = _processor(), time.perf_counter()
        call(count)
        took, used = time.perf_counter() - begun, _processor() - used
    rate, limit = count * size / took / 1e6, wide * RATE / 1e6
    each = memory.most / min(wide, count)
    cells = f"{rate:8.1f}{rate / limit:10.0%}{1000 * used / count:15.0f}{each:21.1f}"
    print(f"  {wide:>9}  {name:24}{cells}", flush=True)
    return rate / limit, each


def _processor() -> float:
    """Seconds of this process and of its children that are over."""
    times = os.times()
    return sum(times[:4])


def row_14(goals: Goals, owner) -> None:
    fill(owner)
    keys = [str(key) for key in ArchiveAsset.objects.values_list("pk", flat=True)[:TASKS]]
    empty = celery_rate([nothing.s() for _ in range(TASKS)])
    taking = celery_rate([one_file.s(key) for key in keys])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE archive_archiveasset SET token = 0")
        cursor.execute("VACUUM ANALYZE archive_archiveasset")
    one, batches = claim_rate(1), claim_rate(BATCH)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE token > 1), count(*) FILTER (WHERE token = 1) FROM archive_archiveasset"
        )
        twice, once = cursor.fetchone()
    print(f"\nrow 14: {ROWS} due rows, {WORKERS} workers; rows a second")
    for name, rate in (
        ("Celery, a task that does nothing", empty), ("Celery, a task that takes its row", taking),
        ("ours, one by one", one), (f"ours, by {BATCH}", batches),
    ):  # fmt: skip
        print(f"  {name:36}{rate:10.0f}{rate / empty:8.1f} x")
    print(f"  claimed once {once}, more than once {twice}")
    goals.check(f"claims {TIMES} times as fast as tasks that do nothing", batches >= TIMES * empty)
    goals.check(f"claims {TIMES} times as fast as tasks that take their row", batches >= TIMES * taking)
    goals.check("no row claimed twice", twice == 0 and once > 0)


def fill(owner) -> None:
    """ROWS due assets, three of each track, copied from one without its triggers."""
    ArchiveAsset.objects.all().delete()
    track = make_generated(owner)
    schedule.plan_tracks([track])
    asset = ArchiveAsset.objects.get(track=track)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET statement_timeout = 0")
        change = "'id', md5('t' || n)::uuid, 'number', 1000000 + n"
        cursor.execute(_copies("catalog_track", change), [ROWS // 3, track.pk])
        change = "'id', md5('a' || n)::uuid, 'track_id', md5('t' || (n + 2) / 3)::uuid"
        change += (
            ", 'expires_at', now() + n * interval '1 s', 'kind', (ARRAY['audio', 'cover', 'video'])[mod(n, 3) + 1]"
        )
        cursor.execute(_copies("archive_archiveasset", change), [ROWS // 3 * 3, asset.pk])
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE catalog_track, archive_archiveasset")


def _copies(table: str, change: str) -> str:
    columns = _columns(table)
    return f"""
        INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
        SELECT {columns} FROM (
            SELECT made.* FROM {table} AS it, generate_series(1, %s) AS n,
                LATERAL jsonb_populate_record(NULL::{table}, to_jsonb(it) || jsonb_build_object({change})) AS made
            WHERE it.id = %s) AS copies"""


def _columns(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
               WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''""",
            [table],
        )
        return cursor.fetchone()[0]


def celery_rate(tasks: list) -> float:
    """Tasks a second, from the first that is done to the last: all wait in the broker when the worker begins."""
    broker = _broker()
    broker.flushdb()
    for task in tasks:
        task.apply_async()
    environment = {**os.environ, "BENCH_BROKER": celery.conf.broker_url, "DATABASE_URL": _database()}
    words = ["-A", "bench.archive:celery", "worker", "-c", str(WORKERS), "-P", "prefork", "-l", "ERROR"]
    worker = subprocess.Popen([sys.executable, "-m", "celery", *words, "--without-gossip", "--without-mingle"],
                              cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        while not int(broker.get(DONE) or 0):
            time.sleep(0.005)
        begun, first = time.perf_counter(), int(broker.get(DONE))
        while int(broker.get(DONE)) < len(tasks):
            time.sleep(0.005)
        return (len(tasks) - first) / (time.perf_counter() - begun)
    finally:
        worker.terminate()
        worker.wait()
        broker.flushdb()


def _database() -> str:
    facts = connection.settings_dict
    return f"postgresql://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"


def claim_rate(batch: int, seconds: float = 3.0) -> float:
    """Rows a second that WORKERS processes claim together, in the order of the lanes, until all are or time is over."""
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    start, said = fork.Barrier(WORKERS), fork.SimpleQueue()

    def claim() -> None:
        lane, _ = schedule.lanes(now=clock.now())
        start.wait()
        begun, count = time.perf_counter(), 0
        while time.perf_counter() < begun + seconds and (
            found := leases.claim(lane, ArchiveAsset.machine, limit=batch, now=clock.now())
        ):
            count += len(found)
        said.put((count, time.perf_counter() - begun))

    workers = [fork.Process(target=claim) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    counts = [said.get() for _ in workers]
    for worker in workers:
        worker.join()
    return sum(count for count, _ in counts) / max(took for _, took in counts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", choices=["13", "14"], help="this one alone")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 8, 16, 32], help="row 13 (%(default)s)")
    parser.add_argument("--rounds", type=int, default=8, help="row 13: so many times as many files (%(default)s)")
    chosen = parser.parse_args()
    goals, data, (mine, theirs) = Goals(), sound(), multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(theirs, data), daemon=True)
    server.start()
    origin = f"http://127.0.0.1:{mine.recv()}"
    celery.conf.broker_url = settings.REDIS_URL
    settings.FETCH_ORIGINS, settings.ARCHIVE_HOST_RATE = [origin], 10_000
    made = setup_databases(verbosity=0, interactive=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings.SPOOL = Path(folder) / "spool"
            where = {"location": f"{folder}/blobs"}
            store = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": where}
            settings.STORAGES = {**settings.STORAGES, "blobs": store}
            owner = make_user(f"bench{uuid.uuid4().hex[:6]}")
            if chosen.row != "14":
                row_13(goals, owner, origin, len(data), chosen.at_once, chosen.rounds)
            if chosen.row != "13":
                row_14(goals, owner)
    finally:
        teardown_databases(made, verbosity=0)
        server.kill()
    return 1 if goals.missed else 0


if __name__ == "__main__":
    sys.exit(main())
