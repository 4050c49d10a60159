"""The media formats and how their first bytes look. A name or a declared type is never believed (S0-19)."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

PCM = "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw"
IN_MP4 = "aac,alac,mp3,mp3float,opus,h264,hevc,mpeg4,av1,libdav1d"
IN_WEBM = "vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,opus,libopus,vorbis,libvorbis"


@dataclass(frozen=True)
class Format:
    """One admitted format: its name here, MIME type, file extension (no dot), ffmpeg demuxer and decoders."""

    name: str
    mime: str
    extension: str
    demuxer: str
    kind: str  # audio, image or video
    codecs: str


FORMATS = {
    form.name: form
    for form in (
        Format("mp3", "audio/mpeg", "mp3", "mp3", "audio", "mp3,mp3float"),
        Format("wav", "audio/wav", "wav", "wav", "audio", PCM),
        Format("flac", "audio/flac", "flac", "flac", "audio", "flac"),
        Format("m4a", "audio/mp4", "m4a", "mov", "audio", IN_MP4),
        Format("ogg", "audio/ogg", "ogg", "ogg", "audio", "vorbis,libvorbis,opus,libopus,flac"),
        Format("jpeg", "image/jpeg", "jpg", "jpeg_pipe", "image", "mjpeg"),
        Format("png", "image/png", "png", "png_pipe", "image", "png"),
        Format("webp", "image/webp", "webp", "webp_pipe", "image", "webp"),
        Format("mp4", "video/mp4", "mp4", "mov", "video", IN_MP4),
        Format("webm", "video/webm", "webm", "matroska", "video", IN_WEBM),
    )
}
UPLOAD_FORMATS = frozenset({"mp3", "wav", "flac"})
AUDIO_FORMATS = frozenset(name for name, form in FORMATS.items() if form.kind == "audio")
IMAGE_FORMATS = frozenset(name for name, form in FORMATS.items() if form.kind == "image")
VIDEO_FORMATS = frozenset(name for name, form in FORMATS.items() if form.kind == "video")

SOUND_BRANDS = {b"M4A ", b"M4B "}
MOVIE_BRANDS = {
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"dash",
    b"MSNV",
    b"M4V ",
}
ID3_MAX_TAGS = 8
ZERO_PADDING_MAX = 64 * 1024
# MPEG audio layer III header fields, by the two version bits: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5.
LOW_KBITS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
KBITS = {3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320), 2: LOW_KBITS, 0: LOW_KBITS}
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def in_words(names: frozenset[str]) -> str:
    """`MP3, WAV or FLAC`, in the order of FORMATS."""
    *first, last = [name.upper() for name in FORMATS if name in names]
    return f"{', '.join(first)} or {last}" if first else last


def sniff(path: Path) -> Format | None:
    """The format by content alone, or None. Only a decode proves that the rest keeps the promise."""
    with open(path, "rb") as file:
        start = _tags_end(file)
        file.seek(start)
        head = file.read(64)
        name = _by_magic(head)
        if name is None and _frames_start(file, start) is not None:
            name = "mp3"
    if start and name not in ("mp3", "flac"):  # nothing else starts with an ID3 tag
        return None
    return FORMATS.get(name)


def sound_start(path: Path) -> int:
    """How many bytes of ID3 tags, and of zeros before MPEG frames, stand in front of the sound."""
    with open(path, "rb") as file:
        end = _tags_end(file)
        frames = _frames_start(file, end)
    return end if frames is None else frames


def _by_magic(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RF64"):
        return {b"WAVE": "wav", b"WEBP": "webp"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return "m4a" if head[8:12] in SOUND_BRANDS else "mp4" if head[8:12] in MOVIE_BRANDS else None
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm" if b"webm" in head else None
    magics = {b"fLaC": "flac", b"OggS": "ogg", b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png"}
    return next((name for magic, name in magics.items() if head.startswith(magic)), None)


def _tags_end(file: IO[bytes]) -> int:
    """Where the ID3v2 tags in front end: each says its length in four bytes of seven bits."""
    end = 0
    for _ in range(ID3_MAX_TAGS):
        file.seek(end)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
            break
        length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        end += 10 + length + (10 if head[5] & 0x10 else 0)
    return end


def _frames_start(file: IO[bytes], start: int) -> int | None:
    """Where two frame headers of one stream stand, the second just where the first says; after zeros at most.

    One header is eleven set bits and a little luck; two in their places are a stream.
    """
    file.seek(start)
    zeros = file.read(ZERO_PADDING_MAX)
    first = start + len(zeros) - len(zeros.lstrip(b"\0"))
    here = _frame(file, first)
    after = _frame(file, first + here[1]) if here else None
    return first if after is not None and after[0] == here[0] else None


def _frame(file: IO[bytes], position: int) -> tuple[tuple[int, int], int] | None:
    """((version, sample rate), frame length in bytes) of a layer III header at `position`."""
    file.seek(position)
    head = file.read(4)
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, kbits, rate, padding = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or kbits in (0, 15) or rate == 3:
        return None
    hertz = RATES[version][rate]
    length = (144 if version == 3 else 72) * 1000 * KBITS[version][kbits - 1] // hertz + padding
    return (version, hertz), length
