"""Small media files for the tests of media, made by code and whole unless their name says otherwise."""

import functools
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from deploy.demo import synth

CONVERTED = {
    "m4a": ["-c:a", "aac", "-f", "ipod"],
    "ogg": ["-c:a", "libvorbis", "-f", "ogg"],
    "webm": ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=4", "-c:v", "libvpx", "-f", "webm"],
}


@functools.cache
def make_sound(seconds: float = 4) -> np.ndarray:
    return synth.compose(5, seconds, tempo=110, pitch_class=9, mode="minor")


@functools.cache
def make_talk(seconds: float = 15) -> np.ndarray:
    """Somebody talks: voiced syllables of uneven length with hisses between them, in phrases with a breath after each."""
    rng, rate = np.random.default_rng(4), synth.RATE
    sound, at = np.zeros(round(seconds * rate), np.float32), 0.2
    while at < seconds - 4:
        for _ in range(rng.integers(4, 14)):
            length, first = rng.uniform(0.09, 0.24), round(at * rate)
            t = np.arange(round(length * rate)) / rate
            turns = 2 * np.pi * np.cumsum(rng.uniform(95, 140) * (1 - 0.15 * t / length)) / rate
            vowel = rng.uniform(400, 800)
            voice = sum(np.sin(k * turns) / k * np.exp(-(((k * 110 - vowel) / 600) ** 2)) for k in range(1, 25))
            sound[first : first + len(t)] += voice * np.sin(np.pi * t / length) ** 0.7 * rng.uniform(0.5, 1)
            at += length + rng.uniform(0, 0.06)
        at += rng.uniform(0.25, 0.9)
    sound = sound / np.abs(sound).max() * 0.7 + 0.0008 * rng.standard_normal(len(sound))
    return np.repeat(sound[:, None], 2, axis=1).astype(np.float32)


@functools.cache
def make_bytes(name: str, seconds: float = 4) -> bytes:
    """A whole file of the named format, made once."""
    if name in ("png", "jpeg"):
        return {"png": synth.cover_png, "jpeg": synth.cover_jpeg}[name](3, 96)
    with tempfile.TemporaryDirectory() as folder:
        path, source = Path(folder) / "made", Path(folder) / "source"
        if name in CONVERTED:
            synth.write_wav(source, make_sound(seconds))
            ffmpeg("-i", str(source), *CONVERTED[name], str(path))
        elif name == "webp":
            source.write_bytes(make_bytes("png"))
            ffmpeg("-f", "png_pipe", "-i", str(source), "-f", "webp", str(path))
        elif name == "mp4":
            synth.video_mp4(path, make_sound(seconds), make_bytes("png"))
        else:
            getattr(synth, f"write_{name}")(path, make_sound(seconds))
        return path.read_bytes()


def ffmpeg(*words: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *words], check=True)


def make_file(folder: Path, body: bytes | str, name: str = "song.mp3") -> Path:
    path = folder / name
    path.write_bytes(body if isinstance(body, bytes) else make_bytes(body))
    return path


def seven_bits(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def make_id3(frames: bytes) -> bytes:
    return b"ID3\x04\x00\x00" + seven_bits(len(frames)) + frames


def make_tag_bomb() -> bytes:
    """An ID3 title of 1 GiB in 1 MiB: one deflated block of zeros, again and again, after an empty text byte."""
    size, block = 1 << 30, 1 << 20
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = deflate.compress(bytes(block)) + deflate.flush(zlib.Z_FULL_FLUSH)
    adler = struct.pack(">I", (size % 65521) << 16 | 1)
    body = b"\x78\xda" + once * (size // block) + b"\x03\x00" + adler
    return make_id3(b"TIT2" + seven_bits(len(body) + 4) + b"\x00\x09" + seven_bits((1 << 28) - 1) + body)


def make_sound_bomb(frames: int) -> bytes:
    """A whole FLAC of silence, eight channels at 44.1 kHz: 0.74 s a frame, half a megabyte decoded, in some 35 bytes."""
    samples = 32_768
    facts = 44_100 << 44 | (8 - 1) << 41 | (16 - 1) << 36 | frames * samples
    made = [b"fLaC\x80\0\0\x22", struct.pack(">HH6xQ16x", samples, samples, facts)]
    for number in range(frames):
        head = b"\xff\xf8\xf9\x78" + chr(number).encode(errors="surrogatepass")
        body = head + bytes([_crc(head, 8, 0x07)]) + bytes(8 * 3)
        made.append(body + struct.pack(">H", _crc(body, 16, 0x8005)))
    return b"".join(made)


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    table, crc = _crc_table(bits, polynomial), 0
    for byte in data:
        crc = (crc << 8 & (1 << bits) - 1) ^ table[crc >> bits - 8 ^ byte]
    return crc


@functools.cache
def _crc_table(bits: int, polynomial: int) -> list[int]:
    table = []
    for crc in range(256):
        crc <<= bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> bits - 1 else 0)
            crc &= (1 << bits) - 1
        table.append(crc)
    return table


NOT_MEDIA = {
    "empty": b"",
    "text": b"Lorem ipsum dolor sit amet. " * 200,
    "html": b"<!doctype html><html><body>Sorry, this link has expired.</body></html>",
    "json": b'{"error": "expired"}',
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nother.wav\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile other.wav\n",
    "tagged hls": make_id3(bytes(20)) + b"#EXTM3U\n#EXTINF:4,\nother.wav\n#EXT-X-ENDLIST\n",
    "one frame header": b"\xff\xfb\x90\x00" + b"lucky bytes" * 500,
    "ones": b"\xff" * 5000,
    "zeros": bytes(5000),
    "a tag and no end": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
    "heic": b"\x00\x00\x00\x18ftypheic" + bytes(100),
}
