"""`archive scrub`: read stored bytes again, repair what is wrong, and look for what nobody names."""

import json as as_json
import time
from argparse import ArgumentParser, BooleanOptionalAction
from dataclasses import asdict

from django.core.management.base import CommandError
from django.db.models import Sum

from apps.archive import copies, orphans, scrubbing
from apps.archive.models import PRESSING, Finding
from apps.archive.repairs import VERIFIED
from apps.catalog.models import Blob
from apps.lib import sizes, storage

HELP = "read stored bytes again, repair what is wrong, look for what nobody names"
EVERY_S = 1.0


def add_arguments(parser: ArgumentParser) -> None:
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--bytes", type=int, metavar="N", help="about so many of each place, the longest unread first")
    much.add_argument("--all", action="store_true", help="everything; without either what is due now, as beat does")
    parser.add_argument(
        "--place", choices=storage.PLACES, default="", help="one place; otherwise every one that is set"
    )
    parser.add_argument("--repair", action=BooleanOptionalAction, default=True, help="or only say what is wrong")
    parser.add_argument("--copies", action="store_true", help="first copy what has no copy yet")
    parser.add_argument(
        "--copy-anew", action="store_true", help="the second place is another one now: forget the copies"
    )
    parser.add_argument("--orphans", action="store_true", help="also list the stores, and sweep what nobody names")
    parser.add_argument("--json", action="store_true", help="for programs")


def handle(out, *, place: str, repair: bool, json: bool, **options) -> None:
    """Exit status 1 while anything stays damaged, 2 when another scrub is at work."""
    if place and place not in storage.places():
        raise CommandError("--place copy: no COPY_URL is set")
    say = _Silence() if json else _Progress(out)
    told = {}
    if options["copy_anew"]:
        told["forgotten"] = copies.forget()
    if options["copies"] or options["copy_anew"]:
        told["copies"] = asdict(copies.run(told=say.of("copied", copies.missing()["bytes_without_copy"])))
    most = scrubbing.NO_END if options["all"] else options["bytes"]
    looked = scrubbing.run(place=place, most=most, repair=repair, told=say.of("read", _ahead(place, most)))
    if looked is None:
        raise CommandError("Another scrub is at work; it goes on by itself.", returncode=2)
    told["scrub"] = {name: value for name, value in asdict(looked).items() if name != "tired"}
    if options["orphans"]:
        told["orphans"] = _swept(place, repair, say)
    told["standing"] = Finding.objects.filter(state__in=PRESSING).count()
    out.write(as_json.dumps(told, indent=2)) if json else _tell(out, told)
    if told["standing"]:
        raise CommandError(f"{told['standing']} damaged and not repaired: see “Damaged files” in the admin.")


def _swept(place: str, repair: bool, say: "_Progress") -> dict:
    found = orphans.sweep(place=place, remove=repair, told=say.shards)
    return {name: asdict(one) for name, one in found.items()}


def _ahead(place: str, most: float | None) -> float:
    """How many bytes the run will read at most; 0 when only what is due."""
    if most is None:
        return 0
    wanted = [VERIFIED[name] for name in storage.places() if place in ("", name)]
    sums = [Blob.objects.filter(**{f"{name}__isnull": False}).aggregate(n=Sum("size"))["n"] or 0 for name in wanted]
    return sum(min(total, most) for total in sums)


def _tell(out, told: dict) -> None:
    if "forgotten" in told:
        out.write(f"forgotten copies   {told['forgotten']:,}")
    if "copies" in told:
        made = told["copies"]
        out.write(
            f"copied             {made['files']:,} files, {sizes.words(made['bytes'])}; {made['left']:,} are left"
        )
    read = told["scrub"]
    out.write(f"read               {read['files']:,} files, {sizes.words(read['bytes'])}")
    out.write(f"damaged            {read['damaged']:,}, repaired {read['repaired']:,}; not read {read['unread']:,}")
    for place, found in told.get("orphans", {}).items():
        out.write(
            f"nobody's in {place:<6} {found['orphans']:,} orphans, {found['half_written']:,} half written, "
            f"{found['strange']:,} strange; {found['removed']:,} removed ({sizes.words(found['bytes_removed'])})"
        )
    out.write(f"stay damaged       {told['standing']:,}")


class _Progress:
    """A line a second at most: how much, how fast, how long it will take."""

    def __init__(self, out):
        self.out, self.next = out, time.monotonic() + EVERY_S

    def of(self, verb: str, ahead: float):
        began = time.monotonic()

        def told(done) -> None:
            if (now := time.monotonic()) < self.next:
                return
            self.next, rate = now + EVERY_S, done.bytes / (now - began)
            left = f", {max(0, ahead - done.bytes) / rate:,.0f} s to go" if ahead and rate else ""
            self.out.write(
                f"{verb:<8}{done.files:>9,} files {sizes.words(done.bytes):>10} {sizes.words(int(rate))}/s{left}"
            )

        return told

    def shards(self, found: dict) -> None:
        if (now := time.monotonic()) >= self.next:
            self.next = now + EVERY_S
            listed = " ".join(f"{place} {one.shards}/{orphans.SHARDS}" for place, one in found.items())
            self.out.write(f"listed  {listed}")


class _Silence:
    shards = None

    def of(self, verb: str, ahead: float) -> None:
        return None
