"""What is being made in the demo: a song that finishes while one looks on, and one whose first address is dead.

The demo's provider is told over its own control address, so it has to run.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from django.conf import settings

from apps.accounts.models import User
from apps.archive import generations
from apps.catalog import actions as catalog
from apps.catalog.models import Track
from deploy.demo import synth

# username, provider, task, title, seed, seconds, and after how many seconds it is finished
ON_ITS_WAY = ("tomo", "suno", "demo-on-its-way", "Signals from the Attic", 401, 20, 40)
DEAD = ("june", "mureka", "demo-dead-address", "Tin Star Lullaby", 402, 18, 0)


def bring(people: Mapping[str, User], tracks: Mapping[str, Track], staff: User | None) -> bool:
    """Let the `people`, by username, make what is not there yet; False when all of it is, or no provider runs."""
    missing = [(row, act) for row, act in ((ON_ITS_WAY, _announce), (DEAD, _register)) if row[3] not in tracks]
    if not missing or not settings.FETCH_ORIGINS:
        return False
    try:
        for (username, provider, task, title, *rest), act in missing:
            song = _begin(provider, task, *rest)
            act(owner=people[username], provider=provider, provider_track_id=task, title=title, song=song)
    except URLError:  # the demo's provider is not running
        return False
    return True


def _announce(*, song: str, **said) -> None:
    generations.announce(**said, genre="Electronica")


def _register(*, song: str, **said) -> None:
    """At an address where nothing is; its provider knows a better one."""
    catalog.register_generated(**said, audio_url=f"{song}.gone", genre="Lullaby")


def _begin(provider: str, task: str, seed: int, seconds: int, finish_in: int) -> str:
    """Its provider makes this; the address at which its sound will be."""
    place = settings.VAR / "demo" / "provider" / provider / f"{task}.mp3"
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mp3"
        synth.write_mp3(path, synth.compose(seed, seconds, tempo=96, pitch_class=2, mode="minor"))
        place.write_bytes(path.read_bytes())
    url = f"{settings.FETCH_ORIGINS[0]}/{provider}/{task}.mp3"
    song = {"urls": {"audio": url}, "key": "one", "seconds": seconds}
    order = {"begin": {"provider": provider, "task": task, "songs": [song], "finish_in": finish_in}}
    request = Request(f"{settings.FETCH_ORIGINS[0]}/_control", json.dumps(order).encode(), method="POST")
    with urlopen(request, timeout=10) as answer:
        answer.read()
    return url
