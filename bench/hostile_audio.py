#!/usr/bin/env python3
"""Damaged and malicious sound files through the checker that every upload passes, on all cores: what it is, decoded to
the end, and what it says of itself, with its cover.

First the corpus: playlists, polyglots, bombs and lies that are made by code, as they are. Then mutants of those and of
whole MP3, WAV and FLAC files of many kinds: bits flipped, lengths and rates set to extremes, pieces cut, doubled,
moved and put into one another. The same seed makes the same mutants; `--only` looks at one of them again.

With `--state FILE` what is done is kept there, and the same command goes on where another one ended; the report is of
all of it.

Goals: nothing but a Refusal comes out of the checker, no worker dies, no child takes more than 600 MB and the children
of one file no more than 20 s of processor time, and nothing lies in the folder afterwards but the file itself. Exit
code 1 when a goal was missed. The time by the clock is printed too, but a busy machine stretches it; that a child which
hangs is ended by the clock is proved by the sandbox's tests. A check during which this program itself was stopped or
starved says nothing of the file's time and is done again.
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import resource
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.hostile_files import corpus, put, whole  # noqa: E402

MOST_MB, MOST_S = 600, 20
MOST_COVER = 5 * 1024 * 1024
STEP = 50
TICK, KEPT_WAITING = 0.2, 2.0  # seconds
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass
class Share:
    """What was seen of STEP files: how often each answer came, and what the children took at most (MB, s)."""

    answers: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory: float = 0.0
    longest: tuple[float, str] = (0.0, "")
    busiest: tuple[float, str] = (0.0, "")
    seconds: float = 0.0
    processor: float = 0.0
    again: int = 0

    def add(self, other: "Share") -> None:
        self.answers += other.answers
        self.faults += other.faults
        self.memory = max(self.memory, other.memory)
        self.longest = max(self.longest, tuple(other.longest))
        self.busiest = max(self.busiest, tuple(other.busiest))
        self.seconds += other.seconds
        self.processor += other.processor
        self.again += other.again


class State:
    """What is done, by the number of the first file of each step, and how many workers died; in a file when given."""

    def __init__(self, path: Path | None, seed: int):
        self.path, self.seed, self.done, self.deaths = path, seed, {}, 0
        for line in path.read_text().splitlines() if path and path.exists() else ():
            self._take(json.loads(line))

    def _take(self, line: dict) -> None:
        if line["seed"] != self.seed:
            sys.exit(f"{self.path} is of seed {line['seed']}")
        if "died" in line:
            self.deaths += line["died"]
        else:
            self.done[line["first"]] = Share(**{**line["share"], "answers": Counter(line["share"]["answers"])})

    def keep(self, **line) -> None:
        text = json.dumps({"seed": self.seed, **line})
        self._take(json.loads(text))
        if self.path:
            with self.path.open("a") as out:
                out.write(text + "\n")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=60_000, metavar="FILES", help="mutants (60,000)")
    options.add_argument("--seed", type=int, default=1, help="another seed, other mutants (1)")
    options.add_argument("-j", type=int, default=os.cpu_count(), metavar="WORKERS", help="at once (one for each core)")
    options.add_argument("--state", type=Path, metavar="FILE", help="keep here what is done, and go on from there")
    options.add_argument("--only", type=int, metavar="NUMBER", help="this mutant alone, kept as ./mutant")
    options = options.parse_args()
    if options.only is not None:
        Path("mutant").write_bytes(mutant(options.seed, options.only))
        print(answer(Path("mutant"))[0])
        return 0
    state = State(options.state, options.seed)
    spread(options.n, state, options.j)
    return report(state)


def report(state: State) -> int:
    found = Share()
    for first in sorted(state.done):
        found.add(state.done[first])
    files, (longest, slow), (busiest, busy) = found.answers.total(), found.longest, found.busiest
    print(f"{files} files, {len(corpus())} of them the corpus")
    for words, seconds in {"a worker's time": found.seconds, "the children's processor time": found.processor}.items():
        print(f"  {words}: {seconds:.0f} s, {1000 * seconds / files:.0f} ms a file")
    print(f"  longest by the clock: {longest:.1f} s ({slow})")
    print(f"  done again, this program having been kept waiting: {found.again}")
    for words, count in found.answers.most_common():
        print(f"  {count:7}  {words}")
    for fault in found.faults:
        print(fault)
    goals = {
        f"only Refusals: {len(found.faults)} faults": not found.faults,
        f"worker deaths: {state.deaths}": state.deaths == 0,
        f"largest child: {found.memory:.0f} MB of {MOST_MB}": found.memory <= MOST_MB,
        f"most processor time: {busiest:.1f} s of {MOST_S} ({busy})": busiest <= MOST_S,
    }
    for words, holds in goals.items():
        print(f"  {'holds ' if holds else 'MISSED'}  {words}")
    return int(not all(goals.values()))


def spread(files: int, state: State, workers: int) -> None:
    """Work off what is not done."""
    known, starts = corpus(), multiprocessing.get_context("fork")  # the corpus and the whole files are made once
    whole()
    steps = [first for first in range(-len(known), files, STEP) if first not in state.done]
    news, turn = starts.Queue(), starts.Value("q", 0)
    workers = [starts.Process(target=work, args=(turn, steps, files, state.seed, news)) for _ in range(workers)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers) or not news.empty():
        try:
            first, share = news.get(timeout=1)
        except multiprocessing.queues.Empty:
            continue
        state.keep(first=first, share=vars(share))
        if len(state.done) % 20 == 0:
            print(f"  {len(state.done) * STEP} files …", file=sys.stderr)
    for worker in workers:
        worker.join()
    if died := sum(worker.exitcode != 0 for worker in workers):
        state.keep(died=died)


def work(turn, steps: list[int], files: int, seed: int, news) -> None:
    """One worker: negative numbers are the corpus, the others mutants."""
    names, watch = list(corpus()), Watch()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "incoming"
        while True:
            with turn.get_lock():
                mine = turn.value
                turn.value = mine + 1
            if mine >= len(steps):
                break
            share, first, started = Share(), steps[mine], time.monotonic()
            for number in range(first, min(first + STEP, files)):
                name = names[number] if number < 0 else f"mutant {number}"
                path.write_bytes(corpus()[name] if number < 0 else mutant(seed, number))
                look(path, name, share, watch)
            share.memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            share.seconds = time.monotonic() - started
            news.put((first, share))


class Watch:
    """Knows whether this process was kept from running: a thread that only sleeps then wakes up much too late."""

    def __init__(self):
        self.stops = 0
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        while True:
            asleep = time.monotonic()
            time.sleep(TICK)
            self.stops += time.monotonic() - asleep > TICK + KEPT_WAITING


def look(path: Path, name: str, share: Share, watch: Watch) -> None:
    while True:
        stops, started, before = watch.stops, time.monotonic(), _processor()
        words, fault = answer(path)
        took, busy = time.monotonic() - started, _processor() - before
        if took > KEPT_WAITING:  # the watch may be the last to wake up
            time.sleep(2 * TICK)
        if watch.stops == stops:
            break
        share.again += 1
    share.answers[words] += 1
    share.processor += busy
    share.longest, share.busiest = max(share.longest, (took, name)), max(share.busiest, (busy, name))
    if fault:
        share.faults.append(f"{name}: {fault}")
    if left := {each.name for each in path.parent.iterdir()} - {path.name}:
        share.faults.append(f"{name}: left behind {sorted(left)}")


def _processor() -> float:
    """Seconds that ended children took, of all cores."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def answer(path: Path) -> tuple[str, str]:
    """(what the checker says, the traceback if that was no Refusal)."""
    from apps.lib.errors import Refusal

    try:
        probe = _read(path)
    except Refusal as refusal:
        return f"{refusal.code}: {re.sub(r'[0-9.]+ s', '… s', refusal.message)}", ""
    except Exception:
        return "FAULT", traceback.format_exc()
    return f"admitted as {probe.format.name}", ""


def _read(path: Path):
    """As `uploads.proposal` does: a probe, and of the picture that is carried one of ours, without keeping it."""
    from apps.lib import media, picture

    carried = path.with_name("cover")
    try:
        probe = media.probe(path, admit=media.UPLOAD_FORMATS, cover=carried, most=MOST_COVER)
        if carried.exists():
            with suppress(picture.PictureError):  # a file is not refused for its picture
                picture.square(carried, side=1024, most=400_000)
    finally:
        carried.unlink(missing_ok=True)
    return probe


# --- Files --------------------------------------------------------------------------------------------------------
def _place(body: bytes, dice: random.Random) -> int:
    """Mostly near the beginning, where the promises are."""
    return dice.randrange(max(1, min(len(body), dice.choice((64, 256, 4096, 1 << 40)))))


def flip(body: bytes, dice: random.Random) -> bytes:
    changed = bytearray(body or b"\0")
    for _ in range(dice.choice((1, 1, 4, 16, 200))):
        changed[_place(changed, dice)] ^= 1 << dice.randrange(8)
    return bytes(changed)


def extreme(body: bytes, dice: random.Random) -> bytes:
    size, order = dice.choice("BHI"), dice.choice("<>")
    return put(body, _place(body, dice), order + size, dice.choice(EXTREMES) & (1 << 8 * struct.calcsize(size)) - 1)


def noise(body: bytes, dice: random.Random) -> bytes:
    at = _place(body, dice)
    length = dice.choice((1, 8, 100, 5000))
    return body[:at] + dice.randbytes(length) + body[at + length :]


def cut(body: bytes, dice: random.Random) -> bytes:
    return body[: _place(body, dice)] if dice.random() < 0.3 else body[: dice.randrange(len(body) + 1)]


def drop(body: bytes, dice: random.Random) -> bytes:
    at = _place(body, dice)
    return body[:at] + body[at + dice.choice((1, 2, 4, 13, 1000)) :]


def double(body: bytes, dice: random.Random) -> bytes:
    at = _place(body, dice)
    return body[:at] + body[at : at + dice.choice((4, 100, 3000))] * dice.choice((2, 3, 200)) + body[at:]


def splice(body: bytes, dice: random.Random) -> bytes:
    other = dice.choice(_bases())
    return body[: _place(body, dice)] + other[_place(other, dice) :]


def dress(body: bytes, dice: random.Random) -> bytes:
    """Something in front that a song may have in front."""
    tag = b"ID3" + bytes((dice.randrange(6), 0, dice.randrange(256))) + bytes(dice.randrange(128) for _ in range(4))
    return dice.choice((tag, bytes(dice.randrange(70_000)), b"RIFF", b"fLaC", b"OggS", b"\xff\xfb", b"TAG")) + body


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip, flip, extreme, extreme, extreme, noise, cut, drop, double, splice, dress,
)  # fmt: skip


@cache
def _bases() -> list[bytes]:
    """Whole files count four times: what is no music from the start is seldom more than refused."""
    return [*whole().values()] * 4 + [body for body in corpus().values() if len(body) < 1 << 20]


def mutant(seed: int, number: int) -> bytes:
    dice = random.Random(f"{seed} {number}")
    body = start = dice.choice(_bases())
    for _ in range(dice.choice((1, 1, 2, 3, 5))):
        body = dice.choice(MUTATIONS)(body, dice)[: 4 << 20]
    # Whatever spoils the first bytes ends at the door; half of all are to come further.
    return body if dice.random() < 0.5 else start[:12] + body[12:]


if __name__ == "__main__":
    sys.exit(main())
