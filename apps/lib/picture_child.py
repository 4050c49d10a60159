"""Runs inside the sandbox: `picture_child.py PATH SIDE MOST` writes the picture as a square WebP to stdout.

SIDE in pixels, MOST in bytes. Only pixels leave here: whatever else the file holds, be it metadata, further frames or
another file behind the picture, stays behind. What does not decode ends the program with a word on stderr.
"""

import io
import sys
from contextlib import suppress

from PIL import Image, ImageCms

# By content; the decoders of all other formats are never asked.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
# A JPEG, also one with further pictures inside (MPO), is shrunk while it is read; the others lie in memory several
# times over, at worst 22 bytes a pixel.
MAX_PIXELS = {"JPEG": 100_000_000, "MPO": 100_000_000}
MAX_PIXELS_OF_OTHERS = 24_000_000
QUALITIES = (85, 70, 50, 30, 10)
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def square(picture: Image.Image, side: int) -> Image.Image:
    """The middle of the first frame, upright, opaque, in sRGB. Shrunk first: all else then works on few pixels."""
    turn, profile = orientation(picture), picture.info.get("icc_profile")
    picture.draft("RGB", (2 * side, 2 * side))
    picture = eight_bits(picture) if picture.mode.startswith("I") else picture
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    box = (left, top, left + edge, top + edge)
    opaque = picture.mode in ("L", "RGB", "CMYK", "YCbCr") and "transparency" not in picture.info
    small = picture.convert("RGB" if opaque else "RGBA").resize((side, side), box=box, reducing_gap=3)
    if not opaque:
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
    small = in_srgb(small, profile) if profile else small
    return small.transpose(UPRIGHT[turn]) if turn in UPRIGHT else small


def eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of sixteen bits with its brightness, which a plain conversion would cut off at 255, and no key colour."""
    grey = picture.point(lambda value: value * (1 / 256)).convert("L")
    grey.info.pop("transparency", None)
    return grey


def orientation(picture: Image.Image) -> int:
    """How the camera was held, by EXIF; 1 when it does not say so in words that parse."""
    with suppress(Exception):
        return picture.getexif().get(ORIENTATION, 1)
    return 1


def in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Colours as they were meant; a profile that is broken or of another kind of pixels changes nothing."""
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, meant, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return picture


def encoded(picture: Image.Image, most: int) -> bytes:
    """As WebP, as good as fits."""
    for quality in QUALITIES:
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=4, exif=b"", xmp=b"", icc_profile=b"")
        if out.tell() <= most:
            return out.getvalue()
    raise ValueError("it does not fit")


def main(path: str, side: str, most: str) -> None:
    Image.MAX_IMAGE_PIXELS = None  # asked for below, with an answer of our own
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS.get(picture.format, MAX_PIXELS_OF_OTHERS):
                sys.exit("TOO_MANY_PIXELS")
            made = encoded(square(picture, int(side)), int(most))
    except MemoryError:
        raise
    except Exception as failure:  # a parser of foreign bytes raises almost anything
        sys.exit(f"WRONG: {type(failure).__name__}")
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
