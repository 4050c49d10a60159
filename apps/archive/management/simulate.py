"""`archive simulate`: how many tracks would be lost, by the real rules on a clock that jumps."""

import datetime as dt
import json as as_json
import re
import resource
import time
from argparse import ArgumentParser, ArgumentTypeError

from django.conf import settings

from apps.archive.simulation import CLASSES, OUTAGES, Outcome, Simulation, World

HELP = "how many of so many tracks would be lost, by the real rules of order, retry and gate on a clock that jumps"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def length(text: str) -> dt.timedelta:
    """`3d`, `2h`, `90m`, `30s`; `0` is none."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not found and text != "0":
        raise ArgumentTypeError("a length such as 3d, 2h, 90m or 0")
    return dt.timedelta(**{UNITS[found[2]]: int(found[1])}) if found else dt.timedelta(0)


def share(text: str) -> float:
    try:
        if 0 <= float(text) < 1:
            return float(text)
    except ValueError:
        pass
    raise ArgumentTypeError("a share from 0 to below 1")


def count(text: str) -> int:
    if re.fullmatch(r"\d{1,8}", text) and int(text) > 0:
        return int(text)
    raise ArgumentTypeError("a whole number from 1 to 99999999")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tracks", type=count, default=100_000, help="of each class (%(default)s)")
    parser.add_argument("--days", type=count, default=60, help="in which they arrive (%(default)s)")
    parser.add_argument(
        "--failure", type=share, default=0.3, help="share of attempts that fail by chance (%(default)s)"
    )
    parser.add_argument("--outage", type=length, default="0", help="the provider is away so long, in the middle")
    parser.add_argument("--answer", choices=OUTAGES, default="silence", help="of everything meanwhile (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of chance (%(default)s)")
    parser.add_argument("--life", choices=CLASSES, help="this class alone")
    parser.add_argument(
        "--workers", type=count, default=settings.ARCHIVE_PARALLEL, help="downloads at a time (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def handle(out, *, json: bool, life: str | None, **options) -> None:
    names = ("tracks", "days", "failure", "outage", "answer", "seed", "workers")
    classes = {name: CLASSES[name] for name in CLASSES if life in (None, name)}
    world = World(classes=classes, **{name: options[name] for name in names})
    begun, used = time.perf_counter(), time.process_time()

    def told(day: int) -> None:
        if not json and day % 10 == 0:
            out.write(f"day {day:>5}  {time.perf_counter() - begun:6.1f} s")

    outcomes = Simulation(world, told=told).run()
    found = {
        "classes": {name: facts(outcome) for name, outcome in outcomes.items()},
        "seconds": round(time.perf_counter() - begun, 1),
        "processor_seconds": round(time.process_time() - used, 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if json:
        out.write(as_json.dumps(found, indent=2))
        return
    for name, said in found["classes"].items():
        out.write(f"life {name}")
        for word, value in said.items():
            out.write(f"  {word.replace('_', ' '):<28} {value}")
    out.write("{seconds} s, {processor_seconds} s of processor, {memory_mb} MB".format(**found))


def facts(outcome: Outcome) -> dict:
    """One class in numbers; times in seconds from first sight to archived."""
    total = outcome.archived + outcome.lost
    return {
        "archived": outcome.archived,
        "lost": outcome.lost,
        "of_these_never_to_be_had": outcome.hopeless,
        "archived_percent": round(100 * outcome.archived / total, 4) if total else 100.0,
        "attempts_per_track": round(outcome.attempts / total, 3) if total else 0.0,
        **{f"p{round(100 * at)}_s": round(outcome.percentile(at), 1) for at in (0.5, 0.95, 0.99)},
    }
