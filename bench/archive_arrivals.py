#!/usr/bin/env python3
"""Twenty finished tracks of 1 MB a second for ten minutes: how long until each is archived and verified.

The real planner, workers and beat, with the words that `bin/up` starts them with, on a database beside the one of
DATABASE_URL, in a folder of their own; REDIS_URL is the broker, and its database is emptied. The provider stands on
loopback. Nothing is skipped: each file is decoded to its end, stored, read back and settled. What is made of the tracks
afterwards, such as previews, steps back behind that and is not waited for.

Goals (R3): 95 of 100 tracks are archived 60 s after they were finished and 999 of 1,000 after ten minutes, none is
lost, and the archivers have no more memory at the end than after three minutes.
"""

import argparse
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup()

import imageio_ffmpeg  # noqa: E402
import redis  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from apps.archive.models import ArchiveAsset  # noqa: E402
from apps.catalog.actions import register_generated  # noqa: E402
from apps.lib.formats import FORMATS  # noqa: E402
from bench.measure import Goals  # noqa: E402
from tests.make import make_providers, make_user  # noqa: E402

SIZE = 1_000_000
# What a song of that size lasts, and how it is made: decoding takes the processor for its length, not for its bytes.
SOUNDS = {
    "flac": ["-t", "16", "-sample_fmt", "s16"],
    "mp3": ["-t", "42", "-b:a", "192k", "-write_xing", "0"],
    "wav": ["-t", "5.7"],
}
P95_S, P999_S, MEMORY = 60, 600, 1.15
LOOK_S = 15


def sound(name: str) -> bytes:
    """Noise under a tone, of about SIZE bytes."""
    noise = "anoisesrc=c=pink:a=0.3:r=44100[n];sine=f=330:r=44100[s];[n][s]amix,aformat=channel_layouts=stereo"
    words = ["-nostdin", "-loglevel", "error", "-filter_complex", noise, *SOUNDS[name], "-f", name, "pipe:1"]
    return subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *words], check=True, capture_output=True).stdout


def numbered(name: str, data: bytes, number: int) -> bytes:
    """The same sound in other bytes, so that each file is stored: by a tag before it, or by a sample."""
    if name == "mp3":
        return b"ID3\x04\0\0\0\0\0\x13TIT2\0\0\0\x09\0\0\0" + b"%08d" % number + data
    if name == "flac":
        return data[:42] + b"\x01\0\0\x08" + struct.pack("<Q", number) + data[42:]
    return data[:-8] + struct.pack("<Q", number)


def serve(port, name: str, data: bytes) -> None:
    from bench.archive import Provider, Server

    class Songs(Provider):
        def do_GET(self) -> None:
            body = numbered(name, data, int(self.path.strip("/").partition(".")[0]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = Server(("127.0.0.1", 0), Songs)
    port.send(server.server_port)
    server.serve_forever()


@contextmanager
def working(origin: str, folder: str) -> Iterator[subprocess.Popen]:
    """Archivers, the other workers and beat; yields the archivers."""
    facts, broker = connection.settings_dict, settings.REDIS_URL
    access = f"{facts['USER']}:{quote(facts['PASSWORD'] or '', safe='')}"
    redis.Redis.from_url(broker).flushdb()
    env = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{access}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}",
        "STORAGE_URL": f"file://{folder}/blobs",
        "SPOOL_DIR": f"{folder}/spool",
        "KEEPTRACK_FETCH_ORIGINS": origin,
        "RATE_LIMITS": "",
    }
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    quiet = ["--without-gossip", "--without-mingle", "-l", "WARNING"]
    commands = [
        [*celery, "worker", "-n", "archive@bench", "-Q", "archive", "-c", "2", *quiet],
        [*celery, "worker", "-n", "work@bench", "-Q", "work", "-c", "1", *quiet],
        [*celery, "beat", "--schedule", f"{folder}/beat", "--pidfile=", "-l", "WARNING"],
    ]
    running = []
    with open(f"{folder}/log", "wb") as log:
        try:
            for command in commands:
                running.append(subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log))
            yield running[0]
        finally:
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()


def memory(pid: int) -> float:
    """MB that this process and all below it have to themselves or share by halves (PSS)."""
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            waiting += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(rollup.split("Pss:")[1].split()[0])
    return total / 1024


def arrive(owner, origin: str, name: str, chosen, archivers: subprocess.Popen) -> list[float]:
    """Register tracks at an even pace; returns the archivers' memory over time, in MB."""
    begun, shown, seen = time.monotonic(), 0.0, []
    for number in range(round(chosen.rate * chosen.seconds)):
        ahead = begun + number / chosen.rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        register_generated(
            owner=owner,
            provider="suno",
            provider_track_id=f"clip-{number}",
            title=f"Song {number}",
            audio_url=f"{origin}/{number}.{name}",
        )
        if time.monotonic() - shown > LOOK_S:
            shown = time.monotonic()
            seen.append(memory(archivers.pid))
            done = ArchiveAsset.objects.filter(state="archived").count()
            print(
                f"  {shown - begun:6.0f} s  {number + 1:6} arrived  {done:6} archived  {seen[-1]:6.0f} MB", flush=True
            )
    return seen


def told(goals: Goals, count: int, seen: list[float]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99, 0.999, 1]) WITHIN GROUP (ORDER BY
                   extract(epoch FROM asset.archived_at - source.generated_at)), count(*)
               FROM archive_archiveasset AS asset JOIN catalog_providersource AS source USING (track_id)
               WHERE asset.state = 'archived'"""
        )
        (p50, p95, p99, p999, most), archived = cursor.fetchone()
    print(f"\n  archived {archived} of {count}; seconds from finished to archived:")
    print(f"  p50 {p50:.1f}  p95 {p95:.1f}  p99 {p99:.1f}  p99.9 {p999:.1f}  longest {most:.1f}")
    states = dict.fromkeys(ArchiveAsset.objects.exclude(state="archived").values_list("state", flat=True))
    goals.check("every track is archived, none lost", archived == count and not states)
    goals.check(f"p95 at most {P95_S} s", p95 <= P95_S)
    goals.check(f"p99.9 at most {P999_S} s", p999 <= P999_S)
    if len(seen) * LOOK_S > 300:
        then, now = seen[180 // LOOK_S], max(seen[-4:])
        print(f"  archivers' memory: {then:.0f} MB after three minutes, {now:.0f} MB in the last one")
        goals.check("memory flat", now <= MEMORY * then)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=20, help="tracks a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=600, help="for so long (%(default)s)")
    parser.add_argument("--sound", choices=SOUNDS, default="flac", help="what a track is (%(default)s)")
    chosen = parser.parse_args()
    data, (mine, theirs) = sound(chosen.sound), multiprocessing.Pipe()
    assert chosen.sound in FORMATS
    server = multiprocessing.get_context("fork").Process(target=serve, args=(theirs, chosen.sound, data), daemon=True)
    server.start()
    origin = f"http://127.0.0.1:{mine.recv()}"
    settings.FETCH_ORIGINS = [origin]
    goals, made = Goals(), setup_databases(verbosity=0, interactive=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{chosen.rate:g} tracks a second, each {len(data) / 1e6:.2f} MB of {chosen.sound}", flush=True)
            make_providers()
            owner, count = make_user("bench"), round(chosen.rate * chosen.seconds)
            with working(origin, folder) as archivers:
                time.sleep(10)  # until they are there
                seen = arrive(owner, origin, chosen.sound, chosen, archivers)
                until = time.monotonic() + P999_S
                while ArchiveAsset.objects.filter(state="archived").count() < count and time.monotonic() < until:
                    time.sleep(1)
            told(goals, count, seen)
    finally:
        teardown_databases(made, verbosity=0)
        server.kill()
    return 1 if goals.missed else 0


if __name__ == "__main__":
    sys.exit(main())
