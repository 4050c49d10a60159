"""The audio of a track is replaced and put back; its id, plays, likes and places in playlists stay.

What it was before is a `FormerFile` whose bytes stay. What was made of it goes at once, so that nobody hears the old
sound under the new name; until the worker is done the new original itself plays.
"""

import logging
from pathlib import Path

from django.db.models import QuerySet

from apps.catalog import files, history
from apps.catalog.models import Blob, FormerFile, Track, TrackFile
from apps.lib import fingerprint, spool
from apps.lib.errors import NotFound, Refusal
from apps.lib.media import FORMATS, Format, Probe
from apps.uploads import intake
from apps.uploads.models import Upload

log = logging.getLogger(__name__)

MADE = ("audio", "preview", "waveform")
# Masters of one recording differ by some silence; more than both of these is another length.
OTHER_MS, OTHER_SHARE = 2000, 0.03
ALIKE = 0.8  # measured: 0.99 for one recording as WAV and MP3, up to 0.75 for two in one key and tempo
FORM_OF = {form.extension: form for form in FORMATS.values()}


def replace(upload: Upload, stored: files.Kept, probe: Probe) -> Upload:
    """The stored bytes become the original of the track that the upload replaces; the upload is `checked`.

    Inside `files.stored`, not inside a transaction. NOT_FOUND when the track is gone or no longer theirs; FORBIDDEN.
    """
    heard = _difference(upload, stored.blob, probe)
    with history.said(by=upload.user):
        track = Track.objects.get_editable(upload.user, pk=upload.replaces_id)
        _put(track=track, blob=stored.blob, probe=probe, by=upload.user)
        Upload.machine.move(upload, "checked", track=track, sounds_different=heard)
    return upload


def restore(*, former: FormerFile, by) -> Track:
    """Put a former original back in its place; the present one becomes a former one. NOT_FOUND when it is gone."""
    with history.said(by=by):
        track = Track.objects.get_editable(by, pk=former.track_id)
        if not files.lock_live(track.pk):
            raise NotFound
        former = FormerFile.objects.filter(pk=former.pk).select_related("blob").first()
        if former is None:
            raise NotFound
        _put(track=track, blob=former.blob, probe=former, by=by, file_name=former.file_name)
    return track


def former(track: Track) -> QuerySet[FormerFile]:
    """What can be put back, the last replaced first."""
    return track.former_files.select_related("blob", "replaced_by__profile").order_by("-pk")


def warning(track: Track) -> str:
    """What was said when the present original took another's place; empty when it sounds like it, or took none."""
    present = Blob.objects.filter(files__track=track, files__role="original").values("sha256")
    came = Upload.objects.filter(replaces=track, track=track, sha256__in=present, is_duplicate=False)
    return came.order_by("-pk").values_list("sounds_different", flat=True).first() or ""


def _put(*, track: Track, blob: Blob, probe, by, file_name: str = "") -> None:
    if not files.lock_live(track.pk):
        raise NotFound
    present = TrackFile.objects.filter(track=track, role="original").select_related("blob").first()
    if present and present.blob_id == blob.pk:
        return
    if present:
        facts = {name: getattr(present, name) for name in files.FACTS}
        FormerFile.objects.get_or_create(
            track=track, blob=present.blob, defaults={"replaced_by": by, "file_name": _name_of(present), **facts}
        )
    FormerFile.objects.filter(track=track, blob=blob).delete()
    track.files.filter(role__in=MADE).delete()
    files.attach_original(track=track, blob=blob, probe=probe)


def _name_of(present: TrackFile) -> str:
    """How the file was called when it came in, if it came by an upload."""
    came = Upload.objects.filter(track=present.track_id, sha256=present.blob.sha256, is_duplicate=False)
    return came.order_by("-pk").values_list("file_name", flat=True).first() or ""


def _difference(upload: Upload, blob: Blob, probe: Probe) -> str:
    """What a listener would notice, in words; empty when it is the same sound. A warning, never in the way."""
    present = TrackFile.objects.filter(track=upload.replaces_id, role="original").select_related("blob").first()
    if present is None or present.blob_id == blob.pk:
        return ""
    words = []
    before = present.duration_ms or probe.duration_ms
    apart = abs(before - probe.duration_ms)
    if apart > OTHER_MS and apart > OTHER_SHARE * max(before, probe.duration_ms):
        words.append(f"It lasts {_clock(probe.duration_ms)} instead of {_clock(before)}.")
    try:
        alike = _likeness(present.blob, intake.spooled(upload), probe.format)
    except (Refusal, OSError) as failure:
        log.warning("the sounds of track %s were not compared: %s", upload.replaces_id, failure)
        alike = None
    if alike is not None and alike < ALIKE:
        words.append("It sounds like another recording than the one before.")
    return " ".join(words)


def _likeness(former: Blob, path: Path, form: Format) -> float | None:
    with spool.workspace(needed=former.size) as folder:
        heard = fingerprint.of(files.working_copy(former, folder), form=FORM_OF[former.extension])
    return fingerprint.likeness(heard, fingerprint.of(path, form=form))


def _clock(ms: int) -> str:
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes}:{seconds:02}"
