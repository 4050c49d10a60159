"""Fills an empty house with a small community: people, uploads in every format, generated tracks to be archived, and
what is said and listed of them.

Run by `bin/up` and by hand as `python -m deploy.demo.seed`; a second run changes nothing. All music is made by code.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings
from django.db.models import Q

from apps.accounts import actions as people
from apps.accounts.models import Profile, User
from apps.accounts.roles import Role
from apps.catalog import actions as catalog
from apps.catalog.keys import PITCHES
from apps.catalog.models import Track
from apps.lib import locks
from apps.uploads import actions as uploads
from apps.uploads.tasks import nudge
from deploy.demo import community, curation, generating, synth, uploading

PATIENCE_S = 600

PEOPLE = (
    ("mira", "Mira Sol", "Plays the same four chords until they sound new.", "PT", Role.ARTIST),
    ("oskar", "Oskar Brandt", "Field recordings, tape loops, patience.", "SE", Role.ARTIST),
    ("june", "June Okafor", "Drums first, questions later.", "NG", Role.ARTIST),
    ("tomo", "Tomo Hara", "Prompts by day, edits by night.", "JP", Role.USER),
    ("ilse", "Ilse Varn", "Makes nothing, hears everything, mostly on trains.", "NL", Role.USER),
    ("plenty", "Plenty Plays", "Numbers for your music.", "", Role.USER),
)
# username, title, file format, seconds, tempo, key, scale, genre, moods, tags, public
UPLOADS = (
    ("mira", "Harbour Lights", "wav", 34, 96, "D", "minor", "Ambient", ["calm", "wide"], ["piano", "sea"], True),
    ("oskar", "Birch and Frost", "flac", 38, 72, "A", "minor", "Ambient", ["cold", "quiet"], ["tape"], True),
    ("june", "Market Day", "mp3", 30, 118, "G", "major", "Afrobeat", ["bright", "moving"], ["drums", "brass"], True),
    ("mira", "Paper Boats", "mp3", 28, 104, "F", "major", "Indie", ["light"], ["guitar"], True),
    ("june", "Night Bus Home", "wav", 32, 124, "C#", "minor", "House", ["late", "warm"], ["bass", "keys"], True),
    ("june", "Night Bus Home (remastered)", "mp3", 32, 124, "C#", "minor", "house music", ["late"], ["bass"], True),
    ("oskar", "Sketch for Two Rooms", "flac", 24, 84, "E", "major", "Experimental", ["curious"], ["loop"], False),
)
# the house's own, for pro members; the columns of an upload
LIBRARY = ("Tide Table", "flac", 26, 92, "D#", "major", "Downtempo", ["calm"], ["sea", "loop"])
# username, provider, title, seconds, tempo, key, scale, genre, moods, has a video
GENERATED = (
    ("tomo", "suno", "Neon Rain on Tin Roofs", 30, 110, "A", "minor", "Synthwave", ["nocturnal"], True),
    ("tomo", "mureka", "Lanterns Over Water", 26, 90, "F#", "minor", "Downtempo", ["gentle"], False),
    ("tomo", "replicate", "Clockwork Garden", 22, 128, "C", "major", "Electronica", ["playful"], False),
    ("mira", "suno", "The Cartographer's Waltz", 28, 138, "G", "minor", "Folk", ["wistful"], False),
    ("june", "replicate", "Copper Sunrise", 24, 100, "D", "major", "Afrobeat", ["hopeful"], False),
    ("oskar", "mureka", "Snow Crossing the Line", 30, 66, "B", "minor", "Ambient", ["still"], False),
)
NAMES = {
    "suno": ("{0}.mp3", "image_{0}.jpeg", "{0}.mp4"),
    "mureka": ("song/{0}.mp3", "cover/{0}.jpeg", "video/{0}.mp4"),
    "replicate": ("{0}/output.wav", "{0}/cover.jpeg", "{0}/output.mp4"),
}


def main() -> None:
    """Two at once make one community: the second one finds it there."""
    with locks.alone("the demo's community", patience=PATIENCE_S) as mine:
        if not mine:
            sys.exit("another seed has been at work all the time")
        fill()


def fill() -> None:
    """Make what is missing."""
    owners = {username: _person(username, *facts) for username, *facts in PEOPLE}
    steps = [(_upload, seed, row) for seed, row in enumerate(UPLOADS, 1)]
    if settings.FETCH_ORIGINS:
        steps += [(_generate, seed, row) for seed, row in enumerate(GENERATED, 101)]
    curator = curation.staff()
    if curator:
        owners[None] = curator
        steps.append((_add_to_library, 201, (None, *LIBRARY)))
    ours = Track.objects.filter(Q(owner__in=owners.values()) | Q(owner=None))
    known = set(ours.values_list("owner__profile__username", "title"))
    missing = [(act, seed, row) for act, seed, row in steps if not {(row[0], row[1]), (row[0], row[2])} & known]
    for number, (act, seed, row) in enumerate(missing, 1):
        started = time.monotonic()
        done = act(owners, seed, *row)
        print(f"{number:>2}/{len(missing)}  {done:<44} {time.monotonic() - started:5.1f} s", flush=True)
    if missing:
        curation.look_after(curator)
    tracks = {track.title: track for track in ours.filter(status="ready")}
    rest = {
        "what is being made": generating.bring,
        "what else they bring in": uploading.bring,
        "what they say and list": community.gather,
    }
    for words, act in rest.items():
        started = time.monotonic()
        if act(owners, tracks, curator):
            missing.append(act)
            print(f"{words:<51} {time.monotonic() - started:5.1f} s", flush=True)
    if not missing:
        print("the community is there already")


def _person(username: str, name: str, bio: str, country: str, role: Role) -> User:
    known = Profile.objects.filter(username=username).select_related("user").first()
    if known is not None:
        return known.user
    email = f"{username}@demo.invalid"
    user = people.register(
        email=email, password=None, username=username, vouched=True, display_name=name, bio=bio, country=country
    )
    people.grant(user=user, role=role, by=None)
    return user


def _upload(owners, seed, username, title, form, seconds, tempo, key, scale, genre, mood, tags, public) -> str:
    owner = owners[username]
    facts = {**_facts(tempo, key, scale, genre, mood), "tags": tags, "is_public": public}
    with _audio(seed, seconds, tempo, key, scale, getattr(synth, f"write_{form}")) as path, path.open("rb") as content:
        upload = uploads.receive(user=owner, content=content, file_name=f"{title}.{form}", title=title, **facts)
    nudge(upload)
    curation.fill(owner, upload.track)
    return f"{title} ({form.upper()} upload)"


def _add_to_library(owners, seed, nobody, title, form, seconds, tempo, key, scale, genre, mood, tags) -> str:
    facts = {**_facts(tempo, key, scale, genre, mood), "tags": tags, "artist": "The house band", "is_pro_only": True}
    with _audio(seed, seconds, tempo, key, scale, getattr(synth, f"write_{form}")) as path, path.open("rb") as content:
        curator, name = owners[nobody], f"{title}.{form}"
        nudge(uploads.receive(user=curator, content=content, file_name=name, title=title, library=True, **facts))
    return f"{title} (for the library)"


def _generate(owners, seed, username, provider, title, seconds, tempo, key, scale, genre, mood, video) -> str:
    owner = owners[username]
    audio_name, cover_name, video_name = (name.format(f"demo-{seed}") for name in NAMES[provider])
    cover = synth.cover_jpeg(seed)
    writer = synth.write_wav if audio_name.endswith(".wav") else synth.write_mp3
    with _audio(seed, seconds, tempo, key, scale, writer) as path:
        urls = {
            "audio_url": _serve(provider, audio_name, path.read_bytes()),
            "cover_url": _serve(provider, cover_name, cover),
        }
    if video:
        clip = _compose(seed, min(seconds, 8), tempo, key, scale)
        with tempfile.TemporaryDirectory() as folder:
            synth.video_mp4(Path(folder) / "clip.mp4", clip, cover)
            urls["video_url"] = _serve(provider, video_name, (Path(folder) / "clip.mp4").read_bytes())
    catalog.register_generated(
        owner=owner, provider=provider, provider_track_id=f"demo-{seed}", title=title, duration_ms=seconds * 1000,
        **_facts(tempo, key, scale, genre, mood), **urls,
    )  # fmt: skip
    return f"{title} (generated by {provider.title()})"


def _facts(tempo: int, key: str, scale: str, genre: str, mood: list[str]) -> dict:
    return {"tempo": tempo, "pitch_class": PITCHES.index(key), "mode": scale, "genre": genre, "mood": mood}


def _compose(seed: int, seconds: float, tempo: int, key: str, scale: str):
    return synth.compose(seed, seconds, tempo=tempo, pitch_class=PITCHES.index(key), mode=scale)


@contextmanager
def _audio(seed: int, seconds: float, tempo: int, key: str, scale: str, write: Callable) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audio"
        write(path, _compose(seed, seconds, tempo, key, scale))
        yield path


def _serve(provider: str, name: str, data: bytes) -> str:
    """Put a file where the demo's provider serves it from; its URL there."""
    place = settings.VAR / "demo" / "provider" / provider / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return f"{settings.FETCH_ORIGINS[0]}/{provider}/{name}"


if __name__ == "__main__":
    sys.exit(main())
