"""Tells who still uses the API in the old way, and since when nobody does."""

import datetime as dt
import json

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.social import compat


class Command(BaseCommand):
    help = (
        "Who used the old shape of the API in the last days, by key, person or visitor's network (docs/api.md). "
        "Programs that write to the database themselves are not seen here."
    )

    def add_arguments(self, parser):
        parser.add_argument("--days", type=int, default=28, help="how far back (28); kept are 90")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *, days: int, json: bool, **options):
        since = timezone.now().date() - dt.timedelta(days=max(days, 0))
        rows = [told(row) for row in compat.left(since=since)]
        self.stdout.write(as_json(rows) if json else "\n".join(map(line, rows)) or f"Nobody since {since}.")


def told(row: dict) -> dict:
    """A row of `compat.left` in words."""
    key = f"key {row['key__name']!r} of " if row["key_id"] else ""
    who = f"{key}{row['user__email']}" if row["user__email"] else row["network"]
    return {"last": row["last"].isoformat(), "uses": row["uses"], "what": row["what"], "who": who}


def line(row: dict) -> str:
    return f"{row['last']}  {row['uses']:>9,}  {row['what']:<13}  {row['who']}  ({compat.INSTEAD.get(row['what'], '')})"


def as_json(rows: list[dict]) -> str:
    return json.dumps(rows, indent=2, ensure_ascii=False)
