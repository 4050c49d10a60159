"""Pictures of somebody's choosing, real ones and those made to hurt (D1)."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageOps

from apps.lib import picture, picture_child
from apps.lib.errors import Refusal
from apps.lib.sandbox import MIB, Limits

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
SECRET = b"shot at 38.7223 N 9.1393 W"


def drawn(colours=(RED, GREEN, BLUE), size=(90, 60), mode="RGB") -> Image.Image:
    """Vertical stripes."""
    made = Image.new(mode, size)
    width = size[0] // len(colours)
    for index, colour in enumerate(colours):
        made.paste(colour, (index * width, 0, (index + 1) * width, size[1]))
    return made


def saved(image: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def noise(side: int) -> Image.Image:
    return Image.frombytes("RGB", (side, side), _random(side * side * 3))


def _random(count: int) -> bytes:
    """Bytes that no encoder makes smaller, the same in every run."""
    state, out = 1, bytearray()
    while len(out) < count:
        state = state * 6364136223846793005 + 1442695040888963407 & 2**64 - 1
        out += (state >> 16).to_bytes(6, "little")
    return bytes(out[:count])


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG of this size, with almost nothing in it."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.fixture
def square(tmp_path):
    """What becomes of a file with these bytes, as an opened picture."""

    def made(data: bytes, *, most: int = 200_000, name: str = "picture") -> Image.Image:
        path: Path = tmp_path / name
        path.write_bytes(data)
        opened = Image.open(io.BytesIO(picture.square(path, side=512, most=most)))
        assert (opened.format, opened.size, opened.mode) == ("WEBP", (512, 512), "RGB")
        return opened

    return made


def near(found, wanted) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_the_middle_of_every_admitted_format_is_kept_whatever_its_name(square, form):
    made = square(saved(drawn(size=(120, 40)), form), name="picture.svg")
    assert all(near(made.getpixel(at), GREEN) for at in ((40, 40), (256, 256), (470, 470)))


def test_of_a_moving_picture_the_first_frame_is_kept(square):
    frames = [Image.new("RGB", (40, 40), colour) for colour in (BLUE, RED, RED)]
    moving = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    made = square(moving)
    assert near(made.getpixel((256, 256)), BLUE) and getattr(made, "n_frames", 1) == 1


def test_what_is_transparent_becomes_white(square):
    made = square(saved(Image.new("RGBA", (30, 30), (0, 0, 0, 0)), "PNG"))
    assert near(made.getpixel((256, 256)), WHITE)


@pytest.mark.parametrize("options", [{}, {"transparency": 20_000}])
def test_sixteen_bits_of_grey_keep_their_brightness(square, options):
    """A key colour of sixteen bits is the one thing that is lost: it is shown."""
    made = square(saved(Image.new("I;16", (40, 40), 20_000), "PNG", **options))
    assert near(made.getpixel((256, 256)), [20_000 >> 8] * 3)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_stands_as_the_camera_was_held(turn):
    exif = Image.Exif()
    exif[picture_child.ORIENTATION] = turn
    corners = drawn((RED, GREEN), size=(64, 64))
    corners.paste(BLUE, (0, 32, 32, 64))
    held = Image.open(io.BytesIO(saved(corners, "PNG", exif=exif)))
    made, wanted = picture_child.square(held, 64), ImageOps.exif_transpose(held).convert("RGB")
    assert [made.getpixel(at) for at in ((9, 9), (54, 9), (9, 54))] == [
        wanted.getpixel(at) for at in ((9, 9), (54, 9), (9, 54))
    ]


def test_no_metadata_is_left(square):
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    held = saved(drawn(), "JPEG", exif=exif, comment=SECRET, xmp=b"<x:xmpmeta>" + SECRET, icc_profile=swapped())
    made = square(held)
    assert SECRET in held and not {"exif", "xmp", "icc_profile", "comment"} & set(made.info)
    assert SECRET not in made.fp.getvalue()


def swapped() -> bytes:
    """A colour profile in which red and blue have changed places."""
    known = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", known, 128)[0]
    entries = {bytes(known[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    known[red + 4 : red + 12], known[blue + 4 : blue + 12] = known[blue + 4 : blue + 12], known[red + 4 : red + 12]
    return bytes(known)


def test_colours_are_those_that_the_profile_means(square):
    made = square(saved(Image.new("RGB", (40, 40), RED), "PNG", icc_profile=swapped()))
    assert near(made.getpixel((256, 256)), BLUE)


def test_a_broken_profile_changes_nothing(square):
    made = square(saved(Image.new("RGB", (40, 40), RED), "PNG", icc_profile=b"no profile at all" * 20))
    assert near(made.getpixel((256, 256)), RED)


def test_a_picture_is_made_worse_until_it_fits(square):
    wild = noise(256)
    fine, coarse = (len(picture_child.encoded(wild, most)) for most in (50_000, 25_000))
    assert 25_000 < fine <= 50_000 and coarse <= 25_000
    with pytest.raises(picture.PictureError):
        square(saved(wild, "PNG"), most=1000)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_what_hides_behind_a_picture_stays_behind(square, form):
    """A file that is a picture and a page, or a picture and an archive, for whoever reads it so."""
    hidden = b"<script>alert(document.cookie)</script>PK\x03\x04" + SECRET
    made = square(saved(drawn(), form) + hidden)
    assert b"script" not in made.fp.getvalue() and SECRET not in made.fp.getvalue()


def broken() -> dict[str, bytes]:
    cut = {f"cut {form}": saved(noise(64), form)[:-300] for form in ("JPEG", "PNG", "WEBP", "GIF")}
    return cut | {
        "nothing": b"",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "page": b"<!doctype html><img src=x onerror=alert(1)>",
        "script in a GIF's clothes": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)",
        "page in a JPEG's clothes": b"\xff\xd8\xff\xe0<html>" + bytes(100),
        "another format": saved(drawn(), "BMP"),
        "a format that names other files": saved(drawn(), "TIFF"),
        "nothing inside": b"\x89PNG\r\n\x1a\n" + bytes(60),
    }


@pytest.mark.parametrize("what", broken())
def test_what_is_no_whole_picture_is_refused(square, what):
    with pytest.raises(picture.PictureError) as refused:
        square(broken()[what])
    assert (refused.value.code, refused.value.status) == ("INVALID_PICTURE", 400)


@pytest.mark.parametrize("size", [(40_000, 40_000), (4_900, 4_900), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_they_are_made(square, size):
    with pytest.raises(picture.PictureError) as refused:
        square(png(*size))
    assert refused.value.code in ("PICTURE_TOO_COMPLEX", "INVALID_PICTURE") and refused.value.status == 400
    assert refused.value.code == "PICTURE_TOO_COMPLEX" or size[0] == 2**31 - 1


def test_a_photograph_with_a_second_one_inside_may_be_as_large_as_any_other(square):
    """Cameras add a small copy or a depth map: a JPEG all the same, and shrunk while it is read."""
    photograph = Image.new("RGB", (6000, 4200), BLUE)
    double = saved(photograph, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64), RED)])
    assert near(square(double).getpixel((256, 256)), BLUE)


def test_a_limit_that_bites_is_a_refusal(square, monkeypatch):
    monkeypatch.setattr(picture, "LIMITS", Limits(memory=64 * MIB))
    with pytest.raises(picture.PictureError) as refused:
        square(saved(Image.new("RGBA", (3000, 3000)), "PNG"))
    assert refused.value.code == "PICTURE_TOO_COMPLEX"


def test_a_machine_too_busy_to_look_at_it_in_time_is_not_the_pictures_fault(square, monkeypatch):
    monkeypatch.setattr(picture, "LIMITS", Limits(wall=0.001))
    with pytest.raises(Refusal) as refused:
        square(saved(drawn(), "PNG"))
    assert (refused.value.code, refused.value.status) == ("IO_ERROR", 503)
