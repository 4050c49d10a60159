"""What makes the demo a place where files come in: one that is refused, a folder, another take, more quota for a while.

Each is done once, by the doors' own actions; what somebody takes out of it later stays out.
"""

import contextlib
import datetime as dt
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from apps.accounts.models import User
from apps.catalog.models import Track
from apps.lib.errors import Refusal
from apps.uploads import actions, folders, grants
from apps.uploads.models import FolderImport, QuotaGrant, Upload
from apps.uploads.tasks import nudge
from deploy.demo import synth

# What Oskar found below the roof: name, seed; a list of what is on it lies with it, and is no music.
FOLDER = "Attic tapes"
TAPES = (("01 Rain on the hatch.mp3", 301), ("02 Radiator, January.mp3", 302), ("03 Somebody downstairs.mp3", 303))
INLAY = ("inlay.mp3", "Side A: rain, radiator. Side B: somebody downstairs, until the tape ends.\n")
# What Ilse took for a song because of its name.
LYRICS = ("Harbour Lights.mp3", "the last ferry / the very end / (repeat)\n")
TAKE = ("Sketch for Two Rooms, second take.flac", 304, 31)
MORE_BYTES, MORE_DAYS = 200_000_000, 7
REASON = "Brings over the tapes of twenty years."


def bring(people: Mapping[str, User], tracks: Mapping[str, Track], staff: User | None) -> bool:
    """Let the `people`, by username, bring in what is not there yet; False when all of it is.

    The other take needs its track in `tracks`, by title; the folder and the quota need `staff`.
    """
    oskar, ilse = people["oskar"], people["ilse"]
    sketch = tracks.get("Sketch for Two Rooms")
    missing = []
    if not Upload.objects.filter(user=ilse).exists():
        missing.append(lambda: _mistake(ilse))
    if sketch and not Upload.objects.filter(replaces=sketch).exists():
        missing.append(lambda: _another_take(oskar, sketch))
    if staff and not FolderImport.objects.filter(person=oskar).exists():
        missing.append(lambda: _folder(oskar, staff))
    if staff and not QuotaGrant.objects.filter(user=oskar).exists():
        missing.append(lambda: _more(oskar, staff))
    for act in missing:
        act()
    return bool(missing)


def _mistake(user: User) -> None:
    name, words = LYRICS
    with contextlib.suppress(Refusal):  # which is what it is for
        actions.receive(user=user, content=io.BytesIO(words.encode()), file_name=name)


def _another_take(user: User, track: Track) -> None:
    """Longer, and another recording: staff and its owner are told so."""
    name, seed, seconds = TAKE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        synth.write_flac(path, synth.compose(seed, seconds, tempo=84, pitch_class=4, mode="major"))
        with path.open("rb") as content:
            nudge(actions.receive(user=user, content=content, file_name=name, replaces=track))


def _folder(owner: User, staff: User) -> None:
    place = settings.VAR / "demo" / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    for name, seed in TAPES:
        synth.write_mp3(place / name, synth.compose(seed, 9, tempo=70, pitch_class=9, mode="minor"))
    name, words = INLAY
    (place / name).write_text(words)
    row = folders.claim(row=folders.begin(path=place, by=staff, owner=owner))
    if row is not None:  # else a worker has it in hand
        folders.work(row, seconds=60)
    for upload in Upload.objects.filter(user=owner, way=Upload.Way.FOLDER):
        nudge(upload)


def _more(user: User, staff: User) -> None:
    today = timezone.now().astimezone(dt.UTC).date()
    last = today + dt.timedelta(days=MORE_DAYS)
    grants.grant(user=user, extra_bytes=MORE_BYTES, starts_on=today, ends_on=last, reason=REASON, by=staff)
