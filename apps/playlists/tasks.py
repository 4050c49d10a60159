"""Celery's door to playlist files that came in. A message is a nudge; the rows are the queue."""

from celery import shared_task

from apps.lib import nudges
from apps.playlists import importing

# A sweep leaves the worker before its time limit and comes back with the next beat.
SWEEP_S = 60


@shared_task(name="playlists.imports")
def look_for_tracks() -> int:
    """Work off the playlist files that are due; returns how many."""
    return importing.work(seconds=SWEEP_S)


def nudge_imports() -> None:
    """Let a worker look now, not only with the next beat."""
    nudges.send(look_for_tracks)
