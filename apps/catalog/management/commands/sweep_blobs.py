"""Removes stored files that nobody uses any more."""

from django.core.management.base import BaseCommand

from apps.catalog import sweeper
from apps.lib import sizes


class Command(BaseCommand):
    help = "Removes stored files that no track has used for 48 hours; a daily task does the same."

    def add_arguments(self, parser):
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed and change nothing")

    def handle(self, *, dry_run: bool, **options):
        swept = sweeper.preview() if dry_run else sweeper.sweep()
        done = "would be removed" if dry_run else "removed"
        self.stdout.write(f"{swept.unused} unused, {swept.removed} {done} ({sizes.words(swept.bytes)})")
        if swept.left:
            self.stdout.write(f"{swept.left} left for the next sweep: in use again, or the store failed")
