"""One row of everything that the admin shows, without a single real byte."""

import itertools

from apps.accounts.models import ApiKey, User
from apps.accounts.roles import Role
from apps.archive import schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog.models import Blob, Derivation, Provider, Track, TrackFile
from apps.uploads.models import Upload
from tests.make import make_generated, make_key, make_user

_numbers = itertools.count(1)


def make_blob(size: int = 1000, mime: str = "audio/mpeg", extension: str = "mp3") -> Blob:
    """The row of a content that no store holds."""
    number = next(_numbers)
    return Blob.objects.create(sha256=f"{number:064x}", key=f"none/{number}", size=size, mime=mime, extension=extension)


def make_refused(user: User, *, file_name: str = "notes.txt") -> Upload:
    """An upload whose content was no music."""
    upload = Upload(user=user, file_key=f"none/{next(_numbers)}", file_name=file_name, size_bytes=10, sha256="0" * 64)
    upload.save(force_insert=True)
    Upload.machine.move(upload, "refused", error_code="INVALID_FORMAT", error_message="Not music.")
    return upload


def make_desk(title: str = "Neon Rain", file_name: str = "notes.txt") -> dict[type, object]:
    """A person with role, plan and key, a generated track with files, assets and a job, and a refused upload."""
    person = make_user(roles=[Role.ARTIST], plan="pro")
    make_key(person)
    track = make_generated(person, title=title, artist=title, cover_url="https://cdn1.suno.ai/cover.jpeg")
    blob = make_blob()
    TrackFile.objects.create(track=track, role="original", blob=blob, codec="mp3", duration_ms=1000)
    Derivation.objects.create(track=track, source_sha256=blob.sha256)
    schedule.plan_tracks([track])
    return {
        User: person,
        ApiKey: ApiKey.objects.get(user=person),
        Track: track,
        Blob: blob,
        Provider: track.source.provider,
        ArchiveAsset: track.archive_assets.first(),
        ArchiveJob: ArchiveJob.objects.get(track=track),
        Upload: make_refused(person, file_name=file_name),
    }
