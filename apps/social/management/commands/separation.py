"""Looks after the separation of tracks from posts: what it will do, whether it did it, and its last step."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.lib.batches import Busy
from apps.social import reconciling, separation

WIDTH = 200


class Command(BaseCommand):
    help = (
        "The separation of tracks from posts (docs/migrations/tracks-posts-separation.md). `migrate` does it, this "
        "tells about it: `plan` before, `verify` and `report` after. `drop` removes the old columns for good."
    )

    def add_arguments(self, parser):
        what = parser.add_subparsers(dest="what", required=True)
        for name, words in (
            ("plan", "what the migration will find and do; needs the old shape"),
            ("verify", "the questions of the verification with their numbers; fails when one is answered wrong"),
            ("report", "what became of everything: what was set apart or mended and why, hosts, the way back"),
            ("drop", "remove the old columns, for good: refused until `verify` holds; closes the way back"),
        ):
            one = what.add_parser(name, help=words, description=words)
            one.add_argument("--json", action="store_true", help="for programs")
            if name == "report":
                one.add_argument("--most", type=int, default=reconciling.SHOWN, help="rows of each kind (20)")

    def handle(self, *, what: str, json: bool, **options):
        try:
            getattr(self, f"_{what}")(json, options)
        except (separation.Unfinished, Busy) as error:
            raise CommandError(str(error)) from error

    def _plan(self, as_json: bool, options: dict) -> None:
        self._tell(reconciling.plan(), as_json)

    def _verify(self, as_json: bool, options: dict) -> None:
        verified = reconciling.verify()
        self._tell({"holds": verified.holds, **asdict(verified)}, as_json)
        if not verified.holds:
            wrong = ", ".join(f"{name} {count}" for name, count in verified.against.items() if count)
            raise CommandError(f"The separation does not hold: {wrong}.")

    def _report(self, as_json: bool, options: dict) -> None:
        self._tell(reconciling.report(max(options["most"], 0)), as_json)

    def _drop(self, as_json: bool, options: dict) -> None:
        if reconciling.is_dropped():
            self._tell({"dropped": "already"}, as_json)
            return
        if not reconciling.is_moved() or not reconciling.verify().holds:
            raise CommandError("`separation verify` does not hold, so the old columns stay.")
        separation.drop()
        self._tell({"dropped": "now"}, as_json)

    def _tell(self, found: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found, indent=2, default=str, ensure_ascii=False))
            return
        for line in lines(found):
            self.stdout.write(line)


def lines(found: dict[str, Any], depth: int = 0) -> Iterator[str]:
    """Nested figures as indented lines."""
    margin = "  " * depth
    for name, value in found.items():
        if isinstance(value, dict):
            yield f"{margin}{name}:"
            yield from lines(value, depth + 1)
        elif isinstance(value, list):
            yield f"{margin}{name}: {len(value) or 'none'}"
            for each in value:
                words = "  ".join(f"{k} {v}" for k, v in each.items()) if isinstance(each, dict) else str(each)
                yield f"{margin}  {textwrap.shorten(words, WIDTH)}"
        else:
            yield f"{margin}{name}: {f'{value:,}' if type(value) is int else value}"
