"""What goes with a removed track in the apps above: each says so in a module of its own called `releasing`."""

from collections.abc import Callable

from django.db.models import QuerySet

from apps.catalog.models import Track

Releaser = Callable[[QuerySet[Track]], None]

_releasers: dict[str, Releaser] = {}


def register(name: str, releaser: Releaser) -> None:
    """`releaser` is called with removed tracks, in the transaction that removes them, which holds their rows."""
    _releasers[name] = releaser


def release(removed: QuerySet[Track]) -> None:
    for releaser in _releasers.values():
        releaser(removed)
