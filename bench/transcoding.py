"""Row 16: four minutes of WAV to an MP3 of 192 kb/s, by us and by ffmpeg from the command line, in turns.

The encoding alone, with the same settings; then all that a copy needs: encoded, decoded to prove it, its loudness
measured, which is two commands of ffmpeg. Ours runs inside the sandbox. Wall times need a second core that is free, the
processor's time does not.
"""

import multiprocessing
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

SECONDS, BIT_RATE = 240, 192_000


class Cost(NamedTuple):
    """Seconds, and seconds of processor of all children."""

    wall: float
    cpu: float


def measure(rounds: int, goals) -> None:
    from deploy.demo import synth

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.wav"
        synth.write_wav(source, synth.compose(3, SECONDS, tempo=120, pitch_class=0, mode="major"))
        # A process of its own: a child is counted as no smaller than who starts it, and music in the making is large.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
            found, memory, same = apart.submit(turns, source, rounds).result()
    best = {name: Cost(*(min(column) for column in zip(*costs, strict=True))) for name, costs in found.items()}
    print(f"  {'':20}{'least s':>9}{'median s':>10}{'cpu s':>8}{'times real time':>17}{'by processor':>14}")
    for name, costs in found.items():
        wall, cpu = best[name]
        median = statistics.median(cost.wall for cost in costs)
        print(f"  {name:20}{wall:9.2f}{median:10.2f}{cpu:8.2f}{SECONDS / wall:17.0f}{SECONDS / cpu:14.0f}")
    goals.check("row 16: the same packets as the command line's", same)
    mine = best["ours"]
    goals.check(f"row 16: at least 100 times real time a core ({SECONDS / mine.cpu:.0f})", SECONDS / mine.cpu >= 100)
    for limit, ours in (("limit: ffmpeg", "ours"), ("limit: and its meter", "ours, proven, heard")):
        share, by_cpu = (theirs / own for theirs, own in zip(best[limit], best[ours], strict=True))
        said = f"row 16: {ours} at least 0.9 times ffmpeg by processor ({by_cpu:.2f}; by the clock {share:.2f})"
        goals.check(said, by_cpu >= 0.9)
    goals.check(f"row 16: at most 60 MB in the largest child ({memory:.0f})", memory <= 60)


def turns(source: Path, rounds: int) -> tuple[dict[str, list[Cost]], float, bool]:
    """What each run of each cost, the largest child in MB, and whether both wrote the same sound."""
    import imageio_ffmpeg

    from apps.lib import media

    ours, theirs = source.with_name("ours.mp3"), source.with_name("theirs.mp3")
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-i"]

    def encode():
        subprocess.run([*ffmpeg, str(source), "-b:a", str(BIT_RATE), str(theirs)], check=True)

    def encode_and_meter():
        encode()
        subprocess.run([*ffmpeg, str(theirs), "-filter:a", "ebur128=peak=true", "-f", "null", "-"], check=True)

    def transcode():
        media.transcode(source, ours, source_format=media.FORMATS["wav"], bit_rate=BIT_RATE)

    def transcode_and_prove():
        transcode()
        media.proven(ours)

    contenders = {
        "limit: ffmpeg": encode,
        "ours": transcode,
        "limit: and its meter": encode_and_meter,
        "ours, proven, heard": transcode_and_prove,
    }
    found = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            found[name].append(_cost(call))
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    digest = [subprocess.check_output([*ffmpeg, str(made), "-c", "copy", "-f", "md5", "-"]) for made in (ours, theirs)]
    return found, largest, digest[0] == digest[1]


def _cost(call: Callable) -> Cost:
    used, started = os.times(), time.perf_counter()
    call()
    wall, now = time.perf_counter() - started, os.times()
    return Cost(wall, now.children_user + now.children_system - used.children_user - used.children_system)
