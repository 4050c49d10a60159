"""Music, covers and a video made by code, for the demo and the tests only: the project carries no recordings.

The same seed gives the same samples. Arrays are float32, shape (samples, 2), 44,100 per second, within -1..1.
"""

import colorsys
import functools
import math
import struct
import subprocess
import tempfile
import wave
import zlib
from pathlib import Path

import imageio_ffmpeg
import numpy as np

RATE = 44_100
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 0, 4), (0, 2, 3, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 6), (0, 5, 3, 4)),
}
BASS_BEATS = ((0, 2), (0, 1.5, 2, 3.5), (0, 1, 2, 3), (0, 1.5, 3))
KICK_BEATS = ((0, 2), (0, 1, 2, 3), (0, 1.5, 2), (0, 2, 2.5))


def compose(seed: int, seconds: float, *, tempo: int, pitch_class: int, mode: str) -> np.ndarray:
    """Music in the given key (pitch_class 0 is C; mode major or minor) and tempo (beats per minute)."""
    rng = np.random.default_rng(seed)
    length = max(1, round(seconds * RATE))
    bar = 4 * 60 / tempo
    bars = math.ceil(seconds / bar)
    track = np.zeros((length, 2), np.float32)
    chords, phrase = rng.choice(PROGRESSIONS[mode]), _phrase(rng)
    bass_beats, kit = BASS_BEATS[rng.integers(4)], _drum_bar(rng, bar)
    calm = rng.integers(5, 8)  # every so many bars the drums rest
    note = functools.partial(_note, pitch_class, SCALES[mode])
    for index in range(bars):
        start, degree = index * bar, int(chords[index % 4])
        for step in (0, 2, 4):
            _add(track, _pad(note(degree + step, 48), bar), start)
        for beat in bass_beats:
            _add(track, _bass(note(degree, 36), bar / 4), start + beat * bar / 4)
        if index >= 2 and index % calm != calm - 1:
            _add(track, kit, start)
        if index >= 1:
            for beat, step, side in phrase[index % 4]:
                _add(
                    track,
                    _bell(note(degree + step, 60)) * np.float32((1 - side, side)),
                    start + beat * bar / 4,
                )
    return _master(track)


def _note(pitch_class: int, scale: tuple[int, ...], degree: int, base: int) -> float:
    """Frequency in hertz of a scale degree above MIDI note `base`."""
    octave, step = divmod(degree, 7)
    return 440 * 2 ** ((base + pitch_class + scale[step] + 12 * octave - 69) / 12)


def _phrase(rng: np.random.Generator) -> list[list[tuple[float, int, float]]]:
    """Four bars of melody: beat, chord step, place from left 0 to right 1; the first two bars are alike."""
    bars = []
    for _ in range(3):
        beats = [beat / 2 for beat in range(8) if rng.random() < (0.85 if beat % 2 == 0 else 0.35)]
        steps = [(0, 2, 4, 7, 1, 9)[pick] for pick in rng.choice(6, len(beats), p=[0.24, 0.24, 0.22, 0.14, 0.08, 0.08])]
        bars.append([(beat, step, float(rng.uniform(0.25, 0.75))) for beat, step in zip(beats, steps, strict=True)])
    return [bars[0], bars[0], bars[1], bars[2]]


def _add(track: np.ndarray, sound: np.ndarray, start: float) -> None:
    """Mix `sound` into `track` at `start` seconds, cut at the end of the track."""
    first = round(start * RATE)
    room = len(track) - first
    if room > 0:
        track[first : first + len(sound)] += sound[:room]


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE), dtype=np.float32) / np.float32(RATE)


@functools.lru_cache(maxsize=16)  # a pad is a whole bar: keep about one tune's worth
def _pad(frequency: float, seconds: float) -> np.ndarray:
    """A soft held tone, slightly out of tune between the two sides."""
    t = _time(seconds)
    swell = np.minimum(1, np.minimum(t / 0.12, (seconds - t) / 0.15)).astype(np.float32)
    turns = 2 * np.pi * frequency * np.float32((0.9985, 1.0015)) * t[:, None]
    return (0.07 * (np.sin(turns) + 0.35 * np.sin(2 * turns)) * swell[:, None]).astype(np.float32)


@functools.lru_cache(maxsize=32)
def _bass(frequency: float, seconds: float) -> np.ndarray:
    t = _time(seconds)
    turns = np.float32(2 * np.pi * frequency) * t
    shape = np.minimum(1, t / 0.01) * np.exp(-2.5 * t) * np.minimum(1, (seconds - t) / 0.02)
    return (0.3 * (np.sin(turns) + 0.3 * np.sin(2 * turns)) * shape).astype(np.float32)[:, None]


@functools.lru_cache(maxsize=32)
def _bell(frequency: float) -> np.ndarray:
    t = _time(0.9)
    turns = np.float32(2 * np.pi * frequency) * t
    shape = np.minimum(1, t / 0.004) * np.exp(-5 * t) * np.minimum(1, (0.9 - t) / 0.1)
    return (0.28 * np.sin(turns + 0.8 * np.exp(-9 * t) * np.sin(2 * turns)) * shape).astype(np.float32)[:, None]


def _drum_bar(rng: np.random.Generator, bar: float) -> np.ndarray:
    """One bar of a soft kit: kick, brushed snare on two and four, hats on the eighths."""
    out = np.zeros((round(bar * RATE), 2), np.float32)
    t = _time(0.25)
    kick = 0.45 * np.sin(2 * np.pi * (48 * t + 4 * (1 - np.exp(-30 * t)))) * np.exp(-14 * t)
    noise = np.diff(rng.standard_normal(len(t) + 1)).astype(np.float32)
    for beat in KICK_BEATS[rng.integers(4)]:
        _add(out, kick[:, None], beat * bar / 4)
    for beat in (1, 3):
        _add(out, (0.06 * noise * np.exp(-22 * t))[:, None], beat * bar / 4)
    for eighth in range(8):
        _add(out, ((0.02 + 0.012 * (eighth % 2)) * noise * np.exp(-70 * t))[:, None], eighth * bar / 8)
    return out


def _master(track: np.ndarray) -> np.ndarray:
    """Gently limit, level to a peak of 0.85 and fade both ends."""
    track = np.tanh(1.2 * track)
    track *= np.float32(0.85 / max(1e-6, float(np.abs(track).max())))
    fade = min(len(track) // 2, RATE)
    track[:64] *= np.linspace(0, 1, 64, dtype=np.float32)[: len(track), None]
    track[len(track) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return track


def _pcm(samples: np.ndarray) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def write_wav(path: Path, samples: np.ndarray) -> None:
    """16 bit stereo WAV."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(_pcm(samples))


def write_mp3(path: Path, samples: np.ndarray, bit_rate: int = 192) -> None:
    """MP3 at a constant `bit_rate` in kb/s."""
    _encode(path, samples, "-c:a", "libmp3lame", "-b:a", f"{int(bit_rate)}k", "-f", "mp3")


def write_flac(path: Path, samples: np.ndarray) -> None:
    """16 bit stereo FLAC."""
    _encode(path, samples, "-c:a", "flac", "-f", "flac")


def _encode(path: Path, samples: np.ndarray, *options: str) -> None:
    _ffmpeg(["-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0", *options, str(path)], _pcm(samples))


def _ffmpeg(words: list[str], data: bytes = b"") -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *words]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def cover_png(seed: int, size: int = 512) -> bytes:
    """A square PNG: a colour gradient under a few rings and a horizon, all from the seed."""
    pixels = _picture(seed, size)
    above = np.vstack([np.zeros_like(pixels[:1]), pixels[:-1]])
    rows = np.hstack(
        [np.full((size, 1), 2, np.uint8), (pixels - above).reshape(size, -1)]
    )  # filter 2: minus the row above

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _picture(seed: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hue = rng.random()
    inks = [
        np.float32(colorsys.hls_to_rgb((hue + turn) % 1, light, 0.6))
        for turn, light in ((0, 0.22), (0.12, 0.6), (0.5, 0.7))
    ]
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.clip(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), 0, 1)[..., None]
    image = inks[0] * (1 - slope) + inks[1] * slope
    for _ in range(rng.integers(3, 6)):
        distance = np.hypot(x - rng.uniform(0.1, 0.9), y - rng.uniform(0.1, 0.9))
        radius, width = rng.uniform(0.08, 0.35), rng.uniform(0.01, 0.06)
        ring = np.clip((width - np.abs(distance - radius)) * size / 2, 0, 1)[..., None] * rng.uniform(0.25, 0.7)
        image = image * (1 - ring) + inks[2] * ring
    image[y > rng.uniform(0.65, 0.85)] *= 0.8
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)


def cover_jpeg(seed: int, size: int = 512) -> bytes:
    """The same picture as a JPEG."""
    return _ffmpeg(
        ["-f", "png_pipe", "-i", "pipe:0", "-frames:v", "1", "-q:v", "4", "-f", "mjpeg", "pipe:1"],
        cover_png(seed, size),
    )


def video_mp4(path: Path, samples: np.ndarray, cover: bytes) -> None:
    """H.264 with AAC: the cover (PNG) stands still while the music plays; 30 s stay well below 1 MB."""
    with tempfile.TemporaryDirectory() as folder:
        still = Path(folder) / "cover.png"
        still.write_bytes(cover)
        picture = ["-loop", "1", "-framerate", "2", "-i", str(still)]
        sound = ["-f", "s16le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0"]
        codecs = [
            "-c:v",
            "libx264",
            "-tune",
            "stillimage",
            "-pix_fmt",
            "yuv420p",
            "-vf",
            "scale=360:360",
            "-c:a",
            "aac",
            "-b:a",
            "128k",
        ]
        end = ["-t", f"{len(samples) / RATE:.3f}", "-movflags", "+faststart", "-f", "mp4", str(path)]
        _ffmpeg([*picture, *sound, *codecs, *end], _pcm(samples))
