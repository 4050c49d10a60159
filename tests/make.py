"""Test data by plain functions: real rows through the real actions, real audio where bytes are asked for."""

import datetime as dt
import functools
import io
import itertools
import tempfile
from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.utils import timezone
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, Frames
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from apps.accounts import actions as people
from apps.accounts.models import Subscription, User
from apps.catalog import actions as catalog
from apps.catalog import derive, files
from apps.catalog.models import Track
from apps.lib import media, storage
from apps.playlists import actions as playlists
from apps.playlists.models import Playlist
from apps.social import actions as social
from apps.social import comments
from apps.social.models import Comment, Post
from deploy.demo import synth

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def make_user(username: str = "", *, roles=(), plan: str = "free") -> User:
    username = username or f"user{next(_numbers)}"
    user = people.register(email=f"{username}@example.org", password=PASSWORD, username=username, vouched=True)
    for role in roles:
        people.grant(user=user, role=role, by=None)
    if plan != "free":
        Subscription.objects.create(user=user, plan=plan, period_start=timezone.now() - dt.timedelta(days=1))
    return user


def make_key(user: User, *scopes: str) -> str:
    """The clear text of a new API key."""
    return people.create_key(user=user, name="test", scopes=list(scopes) or ["read"])[1]


def make_track(owner: User, *, title: str = "Night Train", kind: str = "uploaded", **facts) -> Track:
    """A ready track without bytes."""
    track = catalog.create(owner=owner, kind=kind, title=title, **facts)
    Track.machine.move(track, "ready")
    return track


@functools.cache
def audio(form: str = "wav", seconds: float = 2.0, seed: int = 1) -> bytes:
    """Synthesised music as a file's bytes: wav, mp3 or flac."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"music.{form}"
        samples = synth.compose(seed, seconds, tempo=120, pitch_class=0, mode="major")
        getattr(synth, f"write_{form}")(path, samples)
        return path.read_bytes()


def tagged(data: bytes, form: str = "mp3", *, cover: bytes = b"", **frames: str) -> bytes:
    """The same sound with tags: ID3 frames by their names (TIT2=…), of FLAC comments by theirs; and a front cover."""
    file = io.BytesIO(data)
    if form == "flac":
        made = FLAC(file)
        for name, text in frames.items():
            made[name] = text
        if cover:
            made.add_picture(_picture(cover))
    else:
        made = {"mp3": MP3, "wav": WAVE}[form](file)
        if made.tags is None:
            made.add_tags()
        for name, text in frames.items():
            made.tags.add(Frames[name](encoding=3, text=[text]))
        if cover:
            made.tags.add(APIC(encoding=3, mime="image/png", type=3, desc="", data=cover))
    file.seek(0)
    made.save(file)
    return file.getvalue()


def _picture(data: bytes) -> Picture:
    made = Picture()
    made.type, made.mime, made.data = 3, "image/png", data
    return made


def make_audio(path: Path, form: str = "wav", seconds: float = 2.0, seed: int = 1) -> Path:
    path.write_bytes(audio(form, seconds, seed))
    return path


def make_playable(owner: User, *, form: str = "wav", seconds: float = 2.0, derived: bool = False, **facts) -> Track:
    """A ready track whose original is stored; with `derived` also its served copy, preview and waveform."""
    track = make_track(owner, **facts)
    with tempfile.TemporaryDirectory() as folder:
        path = make_audio(Path(folder) / "original", form, seconds)
        probe = media.probe(path)
        files.attach_original(track=track, blob=files.blob_for(storage.put(path), probe.format), probe=probe)
    if derived:
        for row in derive.claim(limit=1, track=track):
            assert derive.run(row)
    return Track.objects.get(pk=track.pk)


def make_playlist(owner: User, *tracks: Track, name: str = "Evening", **facts) -> Playlist:
    """A playlist with these tracks in this order."""
    playlist = playlists.create(owner=owner, name=name, **facts)
    for track in tracks:
        playlists.add(playlist=playlist, track_id=track.pk, by=owner)
    playlist.refresh_from_db()
    return playlist


def make_providers() -> None:
    """The providers that the migration made; a test with real transactions empties the tables behind it."""
    import_module("apps.catalog.migrations.0002_providers").fill(apps, None)


def make_generated(owner: User, *, provider: str = "suno", title: str = "Neon Rain", **facts) -> Track:
    """A finished generation at its provider, nothing archived."""
    make_providers()
    number = next(_numbers)
    facts = {"audio_url": f"https://cdn1.suno.ai/{number}.mp3", **facts}
    track, _ = catalog.register_generated(
        owner=owner, provider=provider, provider_track_id=f"clip-{number}", title=title, **facts
    )
    return track


def make_post(author: User, content: str = "Hello", *, track: Track | None = None) -> Post:
    """A text post, or one that shows the track."""
    return social.publish(author=author, content=content, track_id=track and track.pk)


def make_comment(post: Post, by: User, content: str = "Nice", *, parent: Comment | None = None) -> Comment:
    """A line below the post, or an answer to another one."""
    return comments.comment(post=post, by=by, content=content, parent_id=parent and parent.pk)
