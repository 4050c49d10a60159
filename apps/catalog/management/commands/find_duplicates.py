"""Finds tracks of one owner that may be one."""

from django.core.management.base import BaseCommand

from apps.catalog import duplicates


class Command(BaseCommand):
    help = (
        "Looks through the whole catalogue for tracks of one owner that may be one, by bytes, ISRC, title and "
        "duration; the pairs wait at the duplicates desk. An hourly task does the same for what changed."
    )

    def add_arguments(self, parser):
        parser.add_argument("--changed", action="store_true", help="look only at what changed since the last look")

    def handle(self, *, changed: bool, **options):
        look = duplicates.find(everything=not changed, told=self._tell)
        if look is None:
            self.stdout.write("somebody else is looking at this moment")
            return
        found = f"{look.new} new pairs, {look.again} open again, {look.gone} no longer alike"
        self.stdout.write(f"{look.compared} tracks compared: {found}")

    def _tell(self, done: int, of: int, what: str) -> None:
        self.stdout.write(f"{done}/{of} {what}")
