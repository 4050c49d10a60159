"""Tracks in somebody's export, and what becomes of them when their person leaves (C-07)."""

from collections.abc import Iterator

from apps.accounts import staff_log
from apps.accounts.chapters import Chapter, Parting, StoredFile, columns, register
from apps.accounts.departure import LIBRARY
from apps.accounts.models import RoleGrant, User
from apps.accounts.roles import Role
from apps.catalog import actions, history, plays
from apps.catalog.models import Change, FormerFile, Play, ProviderSource, Track, TrackFile
from apps.lib.errors import Conflict

# What came from outside; the other files are made of these.
KEPT = ("original", "cover", "video")


def _tracks(user: User) -> Iterator[dict]:
    rows = (
        Track.objects.of(user)
        .select_related("source", "derivation")
        .prefetch_related("files__blob", "former_files__blob")
    )
    for track in rows.order_by("pk").iterator(500):
        yield {
            **columns(track, but=("owner_id",)),
            "source": _joined(track, "source", "owner_id", "track_id"),
            "derivation": _joined(track, "derivation", "track_id", "token", "lease_until"),
            "files": [_file(file) for file in track.files.all()],
            "former_files": [_file(file, but=("replaced_by_id",)) for file in track.former_files.all()],
        }


def _joined(track: Track, name: str, *but: str) -> dict | None:
    return columns(getattr(track, name), but=but) if hasattr(track, name) else None


def _file(file: TrackFile | FormerFile, but: tuple[str, ...] = ()) -> dict:
    """The facts of a file, and its path in the export if it is there."""
    blob = {name: getattr(file.blob, name) for name in ("sha256", "size", "mime")}
    return {**columns(file, but=("track_id", "blob_id", *but)), **blob, "path": _path(file)}


def _path(file: TrackFile | FormerFile) -> str | None:
    if isinstance(file, FormerFile):
        return f"tracks/{file.track_id}/former-{file.pk}.{file.blob.extension}"
    return f"tracks/{file.track_id}/{file.role}.{file.blob.extension}" if file.role in KEPT else None


def _files(user: User) -> Iterator[StoredFile]:
    mine = Track.objects.of(user).values("pk")
    kept = TrackFile.objects.filter(track__in=mine, role__in=KEPT).order_by("track_id", "role")
    former = FormerFile.objects.filter(track__in=mine).order_by("track_id", "pk")
    for rows in (kept, former):
        for file in rows.select_related("blob").iterator(500):
            yield StoredFile(_path(file), file.blob.open, file.blob.sha256)


def _plays(user: User) -> Iterator[dict]:
    rows = Play.objects.filter(user=user).order_by("pk")
    return (columns(row, but=("user_id", "listener", "window")) for row in rows.iterator(500))


def _changes(user: User) -> Iterator[dict]:
    """Which fields the person changed when; what stood there is told with the track, or is somebody else's."""
    rows = Change.objects.filter(by=user).order_by("pk")
    return (columns(row, but=("by_id", "changeset_id", "old", "new")) for row in rows.iterator(500))


def _part(parting: Parting) -> None:
    """A few statements, however many tracks there are. Whoever works on one of them waits, then sees what it became."""
    plays.disown(parting.user)
    with history.said(by=None):
        _part_tracks(parting)


def _part_tracks(parting: Parting) -> None:
    mine = Track.objects.of(parting.user)
    list(mine.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    _reassign_gallery(mine.filter(kind=Track.Kind.GALLERY))
    if parting.tracks == LIBRARY:
        mine.exclude(status="removed").update(kind=Track.Kind.LIBRARY, updated_at=parting.now)
    else:
        staff_log.blank(mine)
        actions.remove_all(tracks=mine, by=parting.user, now=parting.now)
    ProviderSource.objects.filter(track__in=mine.values("pk")).update(owner=None)
    mine.update(owner=None)


def _reassign_gallery(tracks) -> None:
    """The gallery is never touched: who owns it now has it."""
    if not tracks.exists():
        return
    owner = RoleGrant.objects.filter(role=Role.GALLERY_OWNER).values_list("user", flat=True).first()
    if owner is None:
        message = "Your gallery tracks need an owner. Ask an admin to name a gallery owner first."
        raise Conflict(message, "GALLERY_OWNER_NEEDED")
    tracks.update(owner=owner)


register(
    Chapter("tracks", "your tracks with all their facts; the files are below tracks/", _tracks, _files),
    Chapter("changes", "which fields of which tracks you changed, and when", _changes),
    Chapter("plays", "what you heard, as far back as it is kept", _plays),
    part=_part,
)
