"""What a media file really is, and files made from it: probe, transcode, preview (S0-14, S0-19, S3-17).

A file is believed only after all of it was decoded; every parser of foreign bytes runs in the sandbox.
Durations are milliseconds counted from decoded samples, bit rates are bits per second counted from packets.
"""

import json
import math
import re
import sys
import unicodedata
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import IO

from apps.lib import sandbox
from apps.lib.ffmpeg import MediaError, convert, too_complex, unreadable
from apps.lib.formats import (
    AUDIO_FORMATS,
    FORMATS,
    IMAGE_FORMATS,
    KBITS,
    UPLOAD_FORMATS,
    VIDEO_FORMATS,
    Format,
    sniff,
    sound_start,
)
from apps.lib.peaks import drawn, outline, peaks, waveform_json
from apps.lib.profiles import Profile, recommended

__all__ = [
    "AUDIO_FORMATS",
    "FORMATS",
    "IMAGE_FORMATS",
    "UPLOAD_FORMATS",
    "VIDEO_FORMATS",
    "Format",
    "Loudness",
    "MediaError",
    "Probe",
    "Profile",
    "drawn",
    "heard",
    "outline",
    "peaks",
    "preview",
    "probe",
    "proven",
    "recommended",
    "sniff",
    "transcode",
    "verify_image",
    "verify_video",
    "waveform_json",
]

MIB = sandbox.MIB
PROBE_CHILD = str(Path(__file__).with_name("probe_child.py"))
DECODE = sandbox.Limits(cpu=40, wall=120, output=64 * MIB)
# Measured: 90 minutes of MP3 take about 9 s of CPU. Megabytes of FLAC may hold days of silence: no file gets 20 s,
# and the kernel counts this limit in ticks, up to a fifth too few on a busy machine.
CHECK = replace(DECODE, cpu=16)
# What is made of a track that plays already steps back behind what is not saved yet.
ENCODE = sandbox.Limits(cpu=180, wall=400, file_size=256 * MIB, nice=10)
MEASURE = replace(DECODE, output=512 * MIB, nice=10)
READ_TAGS = sandbox.Limits(cpu=5, wall=15, output=MIB)
MP3_BIT_RATES = frozenset(1000 * kbits for kbits in KBITS[3])
PREVIEW_BIT_RATE = 128_000
PREVIEW_MS = 30_000
# What previews are brought to, measured on the finished file (EBU R 128): loudness in LUFS, true peak in dBTP.
LOUDNESS, TRUE_PEAK = -14.0, -1.0
NEAR_LU = 0.3
ENCODER_DB = 0.45  # LAME turns everything down by this
MOST_GAIN_DB = 30.0  # hiss is not lifted to the loudness of music
ROUNDS = 4
SILENCE = -70.0  # what the meter says of nothing at all
# Readings go where errors go, so that a listing may have the other pipe; what a file says of itself is dropped before.
METER = "ametadata=mode=delete,ebur128=peak=true:metadata=1,ametadata=mode=print:file=/dev/stderr"
READING = re.compile(rb"^lavfi\.r128\.(I|true_peak)=(-?[0-9.]+)$", re.MULTILINE)
# At four times the rate the limiter sees the peaks between the samples.
LIMIT = "aresample=176400,alimiter=limit={limit:.4f}:attack=2:release=50:level=disabled:latency=1,aresample=44100"
# Shorter than the header promises by more than both of these means that the end is missing.
SHORT_MS, SHORT_SHARE = 1000, 0.02
# Bits per second. A header that says more lies, and no row holds it.
MOST_BIT_RATE = 2**31 - 1
KIND_STREAM = {"audio": "audio", "image": "video", "video": "video"}
# Listings hold numbers and ffmpeg's own words, no text from the file. A copy lists the packets as they are
# stored; the second stream of a type lists what was decoded from it.
LIST = "-fps_mode passthrough -f framecrc pipe:1"
COUNT = f"""-map 0:V:0? -map 0:a:0? -map 0:a:0? -c:v copy -c:a:0 copy -c:a:1 pcm_s16le
    -filter:a:1 asetnsamples=n=65536:p=0 {LIST}""".split()
PICTURE = f"-map 0:V:0 -map 0:V:0 -c:v:0 copy -frames:v 1 {LIST}".split()
COUNT_AND_METER = [word.replace("asetnsamples", f"{METER},asetnsamples") for word in COUNT]
KEY_FRAMES = f"-map 0:V:0 {LIST}".split()
MP3_OUTPUT = ["-map", "0:a:0", "-c:a", "libmp3lame", "-threads", "1", "-map_metadata", "-1", "-map_chapters", "-1"]
MP3_OUTPUT += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "mp3"]


@dataclass(frozen=True)
class Probe:
    """The facts of one file. Image files have no duration, audio files no size in pixels."""

    format: Format
    size: int
    duration_ms: int | None
    codec: str
    sample_rate: int | None
    channels: int | None
    bit_rate: int | None
    width: int | None
    height: int | None
    tags: dict[str, str]


@dataclass(frozen=True)
class Loudness:
    """Of a whole sound by EBU R 128: integrated loudness in LUFS (SILENCE at least) and true peak in dBTP."""

    lufs: float
    true_peak: float


def probe(path: Path, *, admit: frozenset[str] = UPLOAD_FORMATS, cover: Path | None = None, most: int = 0) -> Probe:
    """Decode the whole file and say what it is. Raises MediaError unless it is admitted and whole.

    The picture that a sound carries is written to `cover` as it stands there; one of more than `most` bytes is not.
    It is as foreign as the file: `picture` makes one of ours of it.
    """
    return _probed(path, admit, COUNT, cover, most)[0]


def heard(path: Path) -> tuple[Probe, Loudness]:
    """What a sound is, as `probe` says, and how loud: of one decode. Raises MediaError."""
    made, listing = _probed(path, AUDIO_FORMATS, COUNT_AND_METER)
    return made, _loudness(listing.errors)


def _probed(
    path: Path, admit: frozenset[str], count: list[str], cover: Path | None = None, most: int = 0
) -> tuple[Probe, "_Listing"]:
    form = sniff(path)
    # MP4 with and without a picture begin alike, so either name lets the container in and the streams decide.
    if form is None or not any(FORMATS[name].demuxer == form.demuxer for name in admit):
        raise not_admitted(admit)
    listing = _listing(path, form, count)
    if form.demuxer == "mov":
        form = FORMATS["mp4" if "video" in listing.copies else "m4a"]
    if form.name not in admit:
        raise not_admitted(admit)
    streams = [*listing.copies.values(), *listing.decoded.values()]
    if KIND_STREAM[form.kind] not in listing.copies or not all(stream.packets for stream in streams):
        raise unreadable(f"it holds no {form.kind}")
    promised, tags = (None, {}) if form.kind == "image" else _claims(path, form, cover, most)
    _refuse_truncated(promised, listing)
    return _facts(path, form, listing, tags), listing


def verify_image(path: Path) -> Probe:
    """A JPEG, PNG or WebP picture that decodes, or MediaError."""
    return probe(path, admit=IMAGE_FORMATS)


def verify_video(path: Path) -> Probe:
    """An MP4 or WebM film that decodes, or MediaError."""
    return probe(path, admit=VIDEO_FORMATS)


def transcode(source: Path, target: Path, *, source_format: Format, bit_rate: int) -> None:
    """Write `source` to `target` as MP3 at a constant `bit_rate` (bits per second), without its metadata.

    What it came to is said by `proven`, and nothing is to be believed of it before.
    """
    _to_mp3(source, target, source_format, bit_rate, [], [])


def proven(path: Path) -> tuple[Probe, Loudness]:
    """Decode all of an MP3 that was made here, once: what it is, and how loud. Raises MediaError."""
    listing = _list(path, FORMATS["mp3"], COUNT_AND_METER)
    if not (listing.decoded and all(stream.packets for stream in listing.streams.values())):
        raise unreadable("nothing of it can be heard")
    return _facts(path, FORMATS["mp3"], listing, {}), _loudness(listing.errors)


def preview(
    source: Path, target: Path, *, source_format: Format, duration_ms: int, start_ms: int, length_ms: int
) -> Probe:
    """Write an MP3 clip from `start_ms` on (all of a short sound), faded in and out over 1 s and as loud as all others.

    Loudness and true peak are measured on the result, and put right by gain and a limiter in a few rounds.
    """
    length = min(int(length_ms), int(duration_ms))
    start = max(0, min(int(start_ms), int(duration_ms) - length))
    fade = min(1000, length // 4)
    fades = f"afade=t=in:d={fade}ms,afade=t=out:st={length - fade}ms:d={fade}ms"
    window = [*(["-ss", f"{start}ms"] if start else []), "-t", f"{length}ms"]
    heard = _measured(source, source_format, fades, window)
    gain, limit = _gain(heard.lufs, ENCODER_DB), TRUE_PEAK - 1
    for _ in range(ROUNDS):
        chain = f"{fades},volume={gain:.2f}dB,{LIMIT.format(limit=10 ** (limit / 20))}"
        _to_mp3(source, target, source_format, PREVIEW_BIT_RATE, window, ["-filter:a", chain])
        made, heard = proven(target)
        missing = _gain(heard.lufs, gain) - gain
        if abs(missing) <= NEAR_LU and heard.true_peak <= TRUE_PEAK:
            break
        gain, limit = gain + missing, limit - max(0.0, heard.true_peak - TRUE_PEAK + 0.1)
    return made


def _measured(path: Path, form: Format, filters: str, window: list[str]) -> Loudness:
    """How loud a part of a sound is behind `filters`."""
    output = ["-map", "0:a:0", "-filter:a", f"{filters},{METER}", "-f", "null", "-"]
    return _loudness(convert(path, form, output, limits=MEASURE, options=window).stderr)


def _loudness(errors: bytes) -> Loudness:
    """The meter goes on reading; the last of it holds."""
    readings = dict(READING.findall(errors))
    peak = float(readings.get(b"true_peak", 0))
    return Loudness(float(readings.get(b"I", SILENCE)), 20 * math.log10(peak) if peak else -math.inf)


def _gain(lufs: float, so_far: float = 0.0) -> float:
    """The gain in dB that brings a sound to LOUDNESS, after `so_far`; silence stays as it is."""
    return so_far if lufs <= SILENCE else min(so_far + LOUDNESS - lufs, MOST_GAIN_DB)


def _to_mp3(source: Path, target: Path, form: Format, bit_rate: int, window: list[str], filters: list[str]) -> None:
    """Encode. `window` stands before the input, `filters` behind."""
    if bit_rate not in MP3_BIT_RATES:
        raise ValueError(f"{bit_rate} is not an MP3 bit rate")
    target = Path(target).absolute()
    output = [*MP3_OUTPUT, *filters, "-b:a", str(bit_rate), f"file:{target}"]
    try:
        convert(source, form, output, limits=ENCODE, options=window)
    except BaseException:  # half a file must not be taken for a whole one
        target.unlink(missing_ok=True)
        raise


@dataclass
class _Stream:
    """What the listing says of one stream: header words and the sums over its packets (time in seconds)."""

    words: dict[str, str]
    packets: int = 0
    bytes: int = 0
    ticks: int = 0

    @property
    def seconds(self) -> Fraction:
        return self.ticks * Fraction(self.words["tb"])


class _Listing:
    """Reads ffmpeg's framecrc output as it comes: `#key N: value`, then `N, dts, pts, duration, size, …`."""

    def __init__(self):
        self.streams: dict[int, _Stream] = defaultdict(lambda: _Stream({}))
        self.rest = b""
        self.errors = b""

    def feed(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"#"):
                key, _, value = line[1:].decode().partition(": ")
                word, _, number = key.partition(" ")
                if number:
                    self.streams[int(number)].words[word] = value.strip()
            else:
                number, _, _, ticks, size, _ = line.split(b",", 5)
                stream = self.streams[int(number)]
                stream.packets += 1
                stream.ticks += int(ticks)
                stream.bytes += int(size)

    def _by_type(self, turn: int) -> dict[str, _Stream]:
        found = defaultdict(list)
        for number in sorted(self.streams):
            found[self.streams[number].words["media_type"]].append(self.streams[number])
        return {kind: streams[turn] for kind, streams in found.items() if len(streams) > turn}

    @property
    def copies(self) -> dict[str, _Stream]:
        return self._by_type(0)

    @property
    def decoded(self) -> dict[str, _Stream]:
        return self._by_type(1)


def _listing(path: Path, form: Format, count: list[str]) -> _Listing:
    """Decode and count. Of a film all packets are read, all sound and only the key frames decoded."""
    if form.kind == "image":
        return _list(path, form, PICTURE)
    listing = _list(path, form, count)
    if "video" in listing.copies:
        key_frames = _list(path, form, KEY_FRAMES, options=["-skip_frame", "nokey"])
        if not any(stream.packets for stream in key_frames.streams.values()):
            raise unreadable("its picture does not decode")
    return listing


def _list(path: Path, form: Format, output: list[str], *, options: list[str] | None = None) -> _Listing:
    listing = _Listing()
    limits = MEASURE if output is COUNT_AND_METER else CHECK if form.kind == "audio" else DECODE
    done = convert(path, form, output, limits=limits, options=options, sink=listing.feed)
    if b"partial file" in done.stderr or b"ended prematurely" in done.stderr:
        raise unreadable("its end is missing")
    listing.errors = done.stderr
    return listing


def _refuse_truncated(promised: int | None, listing: _Listing) -> None:
    """The header of a cut file still promises the whole; what decodes is the truth (S3-17)."""
    sound = listing.decoded.get("audio")
    if promised is None or sound is None:
        return
    missing = promised - round(sound.seconds * 1000)
    if missing > SHORT_MS and missing > SHORT_SHARE * promised:
        raise unreadable(f"it is truncated, {missing / 1000:.1f} s of {promised / 1000:.1f} s are missing")


class _Said:
    """Takes the tag reader's output as it comes: a line, and what follows it for `picture`."""

    def __init__(self, picture: IO[bytes] | None):
        self.line, self.ended, self.picture = b"", False, picture

    def feed(self, data: bytes) -> None:
        if not self.ended:
            line, end, data = data.partition(b"\n")
            self.line, self.ended = self.line + line, bool(end)
        if data and self.picture:
            self.picture.write(data)


def _claims(path: Path, form: Format, cover: Path | None, most: int) -> tuple[int | None, dict[str, str]]:
    """(duration by the headers, tags). A parser that fails leaves (None, {}): tags decide nothing.

    They come before the picture, so that one which breaks a limit takes nothing with it.
    """
    words = [form.name, str(sound_start(path)), str(Path(path).absolute()), *(["cover"] if cover else [])]
    limits, whole = replace(READ_TAGS, output=READ_TAGS.output + most), False
    with cover.open("wb") if cover else nullcontext() as picture:
        said = _Said(picture)
        argv = [sys.executable, "-I", "-B", PROBE_CHILD, *words]
        try:
            whole = sandbox.run(argv, limits=limits, sink=said.feed).returncode == 0
        except sandbox.SandboxFailure as failure:
            if failure.kind == "timeout":  # tags that nobody had the time to read are not none
                raise failure.refusal(too_complex()) from failure
    if cover and not (whole and 0 < cover.stat().st_size <= most):
        cover.unlink()
    try:
        found = json.loads(said.line)
    except ValueError:
        return None, {}
    return found["header_ms"], {word: text for word, value in found["tags"].items() if (text := _plain(value))}


def _plain(text: str) -> str:
    """The text on one line, without control characters and halves of characters, which databases refuse."""
    clean = "".join(" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)
    return " ".join(clean.split())


def _facts(path: Path, form: Format, listing: _Listing, tags: dict[str, str]) -> Probe:
    sound, picture = listing.copies.get("audio"), listing.copies.get("video")
    seconds = Fraction(0)
    if form.kind != "image":
        seconds = picture.seconds if picture else listing.decoded["audio"].seconds
        if seconds <= 0:
            raise unreadable("it lasts no time")
    width, height = picture.words["dimensions"].split("x") if picture else (None, None)
    stored = sum(stream.bytes for stream in listing.copies.values())
    bit_rate = round(8 * stored / seconds) if seconds else None
    if bit_rate and bit_rate > MOST_BIT_RATE:
        raise unreadable(f"nobody plays {bit_rate:,} bits a second")
    return Probe(
        format=form,
        size=Path(path).stat().st_size,
        duration_ms=max(1, round(seconds * 1000)) if seconds else None,
        codec=(picture or sound).words["codec_id"],
        sample_rate=int(sound.words["sample_rate"]) if sound else None,
        channels=_channels(listing.decoded["audio"]) if sound else None,
        bit_rate=bit_rate,
        width=int(width) if width else None,
        height=int(height) if height else None,
        tags=tags,
    )


def _channels(decoded: _Stream) -> int:
    """Decoded samples are two bytes each, so the bytes count the channels; layouts have too many names."""
    samples = decoded.seconds * int(decoded.words["sample_rate"])
    return round(decoded.bytes / (2 * samples))


def not_admitted(admit: frozenset[str] = UPLOAD_FORMATS) -> MediaError:
    """The refusal of what is none of these (S0-19)."""
    forms = [form for name, form in FORMATS.items() if name in admit]
    supported = ", ".join(form.name.upper() for form in forms)
    return MediaError("INVALID_FORMAT", f"Invalid {forms[0].kind} format. Supported: {supported}")
