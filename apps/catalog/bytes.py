"""A track's bytes at the door: who may have them, and from where they come."""

from django.http import HttpResponseBase, HttpResponseRedirect
from django.utils import timezone

from apps.catalog.models import Blob, Track
from apps.lib import ranges, storage
from apps.lib.errors import NotFound, Refusal

SOURCE_FIELDS = {"original": "audio_url", "audio": "audio_url", "cover": "cover_url", "video": "video_url"}


def stream(request, track: Track) -> HttpResponseBase:
    """The full file: ours, or a redirect to the provider's while we do not have it yet (S3-07)."""
    if not track.playable:
        raise Refusal("PRO_ONLY", "The full track is for pro members. The preview is open to everyone.", status=403)
    return serve(request, track, track.served, "audio")


def file(request, track: Track, role: str) -> HttpResponseBase:
    """One of the other files. A video is the full track too."""
    if role == "video" and not track.playable:
        raise Refusal("PRO_ONLY", "The full track is for pro members. The preview is open to everyone.", status=403)
    return serve(request, track, track.file(role), role)


def serve(request, track: Track, held, role: str) -> HttpResponseBase:
    if held is not None:
        return blob(request, held.blob, track.title)
    source = getattr(track, "source", None)
    url = getattr(source, SOURCE_FIELDS.get(role, ""), "") if source else ""
    if not url or not track.playable:
        raise NotFound("This track has no such file.")
    if source.expires_at <= timezone.now():
        raise Refusal("EXPIRED", "The provider deleted this file before it could be archived.", status=410)
    return _uncached(HttpResponseRedirect(url))


def blob(request, content: Blob, title: str) -> HttpResponseBase:
    """The bytes with Range support; sound and video of an object store as a redirect to a link of five minutes.

    Pictures and waveforms always come from this site: they are small, and the page's policy allows no other source.
    """
    name = f"{title}.{content.extension}"
    place = content.place()
    if content.mime.startswith(("audio/", "video/")) and storage.local_path(content.key, place=place) is None:
        link = storage.sign(content.key, content_type=content.mime, place=place)
        return _uncached(HttpResponseRedirect(link))
    return ranges.ranged_response(
        request,
        storage.open(content.key, place=place),
        size=content.size,
        content_type=content.mime,
        filename=name,
        etag=f'"{content.sha256}"',
    )


def _uncached(response: HttpResponseBase) -> HttpResponseBase:
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
