"""The archive's run without Celery, for an operator or a cron line."""

import threading

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.archive import actions, schedule, watching, working
from apps.catalog.models import Track


class Command(BaseCommand):
    help = "Plans and archives what is due now, the next to expire first. Needs no Celery and no broker."

    def add_arguments(self, parser):
        parser.add_argument("--limit", type=int, default=settings.ARCHIVE_LIMIT, help="assets at most (%(default)s)")
        parser.add_argument("--seconds", type=float, default=600, help="stop claiming after this long (%(default)s)")
        parser.add_argument("--track", help="id of one track, archived whatever its turn")

    def handle(self, *, limit: int, seconds: float, track: str | None, **options):
        if not 1 <= limit <= 1_000_000:
            raise CommandError("--limit: a whole number from 1 to 1000000")
        self.counts, self.lock = {}, threading.Lock()
        only = self._track(track) if track else None
        if only is not None:
            actions.request(track=only, by=None)
        schedule.keep_house()
        self.stdout.write(f"planned   {schedule.plan()} new tracks; {schedule.due().count()} assets due")
        working.work(limit=limit, seconds=seconds, track=only, told=self._tell)
        working.work_quarantined(track=only)
        watching.after_sweep()
        summary = ", ".join(f"{count} {state}" for state, count in sorted(self.counts.items())) or "nothing was due"
        self.stdout.write(f"done      {summary}; {schedule.due().count()} assets still due")

    def _track(self, value: str) -> Track:
        found = Track.objects.filter(pk=value).first() if len(value) in (32, 36) else None
        if found is None:
            raise CommandError(f"--track: no track {value}")
        return found

    def _tell(self, asset) -> None:
        with self.lock:
            self.counts[asset.state] = self.counts.get(asset.state, 0) + 1
            number = sum(self.counts.values())
            self.stdout.write(f"{number:>8}  {asset.state:<12} {asset.kind:<6} {asset.track_id} {asset.error_message}")
