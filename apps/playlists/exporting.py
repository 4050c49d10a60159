"""A playlist as a file, with what the reader may see of it; a track they may not see is not in it (decision 0047)."""

from apps.catalog.models import Track, TrackFile
from apps.lib.errors import Refusal
from apps.playlists.formats import MIMES, File, Line, write
from apps.playlists.formats.lines import cleaned, text
from apps.playlists.models import Playlist

FORMATS = tuple(MIMES)


def export(playlist: Playlist, *, viewer, form: str, base: str) -> bytes:
    """The file; `base` is the origin of this site. Addresses in it are of this site, and what they give is decided
    whenever somebody follows them. Refusal: INVALID 400 for a format that is none.
    """
    if form not in MIMES:
        message = f"format: one of {', '.join(FORMATS)}."
        raise Refusal("INVALID", message, fields={"format": [message]})
    entries = list(playlist.entries.order_by("position").values_list("track_id", flat=True))
    seen = _lines(playlist, viewer, base)
    lines = [seen[track] for track in entries if track in seen]
    about = {
        "creator": cleaned(playlist.owner.profile.username),
        "info": f"{base}/playlists/{playlist.pk}",
        "identifier": f"urn:uuid:{playlist.pk}",
    }
    file = File(cleaned(playlist.name), text(playlist.description), lines)
    return write(file, form, hidden=len(entries) - len(lines), about=about)


def _lines(playlist: Playlist, viewer, base: str) -> dict:
    rows = Track.objects.visible_to(viewer).live().filter(pk__in=playlist.entries.values("track_id"))
    hashes = _hashes(rows.playable_by(viewer))
    return {
        pk: Line(
            title=cleaned(title), artist=cleaned(artist), duration_ms=length, isrc=isrc, sha256=hashes.get(pk, ""),
            named=pk, location=f"{base}/api/v1/tracks/{pk}/stream",
        )
        for pk, title, artist, length, isrc in rows.values_list("pk", "title", "artist", "duration_ms", "isrc")
    }  # fmt: skip


def _hashes(tracks) -> dict:
    """Of the originals that this person may have anyway."""
    files = TrackFile.objects.filter(role="original", track__in=tracks.values("pk"))
    return dict(files.values_list("track", "blob__sha256"))


def name_of(playlist: Playlist, form: str) -> str:
    """What the file is called: the playlist's name without what no file name may hold."""
    name = cleaned(playlist.name).translate(dict.fromkeys(map(ord, '/\\:*?"<>|'), "_")).strip(". ")
    return f"{name[:100] or 'playlist'}.{form}"
