"""The one place that starts ffmpeg: a fixed argument list, the demuxer forced, inside the sandbox.

Forcing the demuxer is what keeps a playlist named like a song from opening other files; the whitelists of
protocols, formats and decoders are there so that one forgotten case is not enough.
"""

import errno
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg

from apps.lib import sandbox
from apps.lib.errors import Refusal
from apps.lib.formats import Format, sound_start

MAX_PIXELS = 12_000 * 12_000
GLOBAL = ["-nostdin", "-hide_banner", "-v", "error", "-y", "-filter_threads", "1"]
# Sound with a bad frame in a hundred is still that sound; a picture that breaks off is not that picture.
CHECKS = {"image": "crccheck+explode", "audio": "crccheck", "video": "crccheck"}
MAX_BAD_SHARE = "0.01"
ASKED_TO_END = 255  # ffmpeg's answer to the signal that comes with the limit of processor time: it ends by itself


class MediaError(Refusal):
    """A file refused for what it holds: INVALID_FORMAT (415), MEDIA_UNREADABLE or MEDIA_TOO_COMPLEX (422)."""

    def __init__(self, code: str, message: str):
        super().__init__(code, message, status=415 if code == "INVALID_FORMAT" else 422)


def unreadable(reason: str) -> MediaError:
    """The bytes are not what their beginning promises."""
    return MediaError("MEDIA_UNREADABLE", f"The file cannot be used: {reason}. Export it again and retry.")


def too_complex() -> MediaError:
    """A limit of the sandbox ended the work; the same file will end there again."""
    return MediaError("MEDIA_TOO_COMPLEX", "Reading this file takes more memory or time than is allowed.")


def convert(
    source: Path,
    form: Format,
    output: list[str],
    *,
    limits: sandbox.Limits,
    options: list[str] | None = None,
    sink: Callable[[bytes], None] | None = None,
) -> sandbox.Completed:
    """Decode `source` as `form` into what `output` says; `options` stand before the input.

    ffmpeg never sees the ID3 tags in front: they may inflate a thousandfold and nothing here needs them.
    Raises MediaError; what is not the file's fault is OSError when the disk is full, IO_ERROR when time ran out.
    """
    walls = ["-protocol_whitelist", "file,pipe", "-format_whitelist", form.demuxer, "-codec_whitelist", form.codecs]
    care = ["-threads", "1", "-max_pixels", str(MAX_PIXELS), "-err_detect", CHECKS[form.kind]]
    # PCM cannot be damaged, only cut: the half sample at a cut is an error to ffmpeg and none to a listener.
    care += ["-max_error_rate", "1" if form.name == "wav" else MAX_BAD_SHARE]
    if form.name == "wav":  # the header says all of it, and ffmpeg would read 5 MB to find nothing more
        care += ["-probesize", "32768"]
    skip = ["-skip_initial_bytes", str(sound_start(source))]
    entry = ["-f", form.demuxer, "-i", f"file:{Path(source).absolute()}"]
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), *GLOBAL, *walls, *care, *skip, *(options or []), *entry, *output]
    try:
        done = sandbox.run(argv, limits=limits, sink=sink)
    except sandbox.SandboxFailure as failure:
        raise failure.refusal(too_complex()) from failure
    if b"No space left on device" in done.stderr:
        raise OSError(errno.ENOSPC, "no space left while converting")
    if done.returncode == ASKED_TO_END:
        raise too_complex()
    if b"Picture size" in done.stderr:  # more pixels than MAX_PIXELS, or than ffmpeg itself can count
        raise too_complex()
    if done.returncode:
        raise unreadable(f"it does not decode as {form.name.upper()}")
    return done
