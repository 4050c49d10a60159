"""A picture of somebody's choosing becomes a small square one of ours; its file is never shown to anybody (D1)."""

import hashlib
import sys
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.lib import sandbox, spool
from apps.lib.errors import Refusal

CHILD = str(Path(__file__).with_name("picture_child.py"))
MIME = "image/webp"
SIDE = 512  # pixels
MOST = 200_000  # bytes
PIECE = 1 << 18
# Measured: 24 megapixels of WebP with transparency take 510 MiB and half a second.
LIMITS = sandbox.Limits(memory=640 * sandbox.MIB, cpu=10, wall=30, output=sandbox.MIB)


class PictureError(Refusal):
    """A file refused for what it holds: INVALID_PICTURE or PICTURE_TOO_COMPLEX (400)."""

    def __init__(self, code: str, message: str):
        super().__init__(code, message, fields={"file": [message]})


def kept(content: BinaryIO) -> dict[str, bytes | str]:
    """The middle of a JPEG, PNG, WebP or GIF as the columns of a row that keeps it: `image` and its `sha256`.

    Refusals: EMPTY_FILE, INVALID_PICTURE and PICTURE_TOO_COMPLEX 400, FILE_TOO_LARGE 413. Nothing is kept of those.
    """
    with spool.workspace(needed=settings.PICTURE_MAX_BYTES) as folder:
        _write(content, folder / "picture")
        image = square(folder / "picture", side=SIDE, most=MOST)
    return {"image": image, "sha256": hashlib.sha256(image).hexdigest()}


def _write(content: BinaryIO, path: Path) -> None:
    size = 0
    with path.open("wb") as out:
        while piece := content.read(PIECE):
            size += out.write(piece)
            if size > settings.PICTURE_MAX_BYTES:
                raise too_large()
    if not size:
        message = "The file is empty. Choose another one."
        raise Refusal("EMPTY_FILE", message, fields={"file": [message]})


def too_large() -> Refusal:
    message = f"A picture may have {settings.PICTURE_MAX_BYTES // (1024 * 1024)}MB at most."
    return Refusal("FILE_TOO_LARGE", message, status=413, fields={"file": [message]})


def square(path: Path, *, side: int, most: int) -> bytes:
    """The middle of a JPEG, PNG, WebP or GIF as a WebP of `side` x `side` pixels and `most` bytes at most.

    By content, whatever the name says; of several frames the first. Upright by its EXIF orientation, without metadata.
    PictureError otherwise.
    """
    argv = [sys.executable, "-I", "-B", CHILD, str(path.absolute()), str(side), str(most)]
    try:
        done = sandbox.run(argv, limits=LIMITS)
    except sandbox.SandboxFailure as failure:
        raise failure.refusal(_too_complex()) from failure
    if b"TOO_MANY_PIXELS" in done.stderr:
        raise _too_complex()
    if done.returncode or not done.stdout:
        message = "This is not a picture that can be used. Choose a JPEG, PNG, WebP or GIF."
        raise PictureError("INVALID_PICTURE", message)
    return done.stdout


def _too_complex() -> PictureError:
    message = "This picture has too many pixels to work on. Make it smaller, for instance 2000 pixels wide."
    return PictureError("PICTURE_TOO_COMPLEX", message)
