"""Files of every admitted format, and files that only look like one."""

import random
import re
import struct
import subprocess
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import mutagen.id3
import numpy as np
import pytest

from apps.lib import media
from apps.lib.formats import sound_start
from apps.lib.media import FORMATS, IMAGE_FORMATS, VIDEO_FORMATS, MediaError, probe, sniff
from deploy.demo import synth
from tests.lib.made import (
    NOT_MEDIA,
    ffmpeg,
    make_bytes,
    make_file,
    make_id3,
    make_sound,
    make_sound_bomb,
    make_tag_bomb,
    seven_bits,
)

ALL = frozenset(FORMATS)


def make_probe(codec="mp3", bit_rate=320_000, sample_rate=44_100, channels=2) -> media.Probe:
    return media.Probe(FORMATS["mp3"], 1, 1000, codec, sample_rate, channels, bit_rate, None, None, {})


def make_png(width: int, height: int, channels: int) -> bytes:
    """A PNG of black pixels whose rows exist only in its packed form."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    deflate = zlib.compressobj(1)
    rows = b"".join(deflate.compress(bytes(1 + channels * width)) for _ in range(height)) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def refusal(path: Path, **options) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe(path, **options)
    return caught.value


# What a file is


@pytest.mark.parametrize("name", ["mp3", "wav", "flac", "m4a", "ogg"])
def test_sound_is_known_by_its_content(tmp_path, name):
    found = probe(make_file(tmp_path, name, "song.txt"), admit=ALL)
    assert found.format is FORMATS[name]
    assert found.size == len(make_bytes(name))
    assert found.duration_ms == pytest.approx(4000, rel=0.01)
    assert (found.sample_rate, found.channels, found.width, found.height) == (44_100, 2, None, None)
    assert found.bit_rate == pytest.approx(8 * found.size / 4, rel=0.15)
    assert found.codec == {"wav": "pcm_s16le", "m4a": "aac", "ogg": "vorbis"}.get(name, name)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_a_picture_is_known_by_its_content(tmp_path, name):
    found = media.verify_image(make_file(tmp_path, name))
    assert (found.format.name, found.width, found.height) == (name, 96, 96)
    assert (found.duration_ms, found.sample_rate, found.bit_rate) == (None, None, None)


@pytest.mark.parametrize("name, size", [("mp4", (360, 360)), ("webm", (64, 48))])
def test_a_film_is_known_by_its_content(tmp_path, name, size):
    found = media.verify_video(make_file(tmp_path, name))
    assert (found.format.name, found.width, found.height) == (name, *size)
    assert found.duration_ms == pytest.approx(4000, rel=0.15)  # two pictures per second
    assert found.channels == 2


def test_an_mp4_without_a_picture_is_sound_whatever_its_brand(tmp_path):
    path = tmp_path / "song"
    ffmpeg("-i", str(make_file(tmp_path, "wav")), "-c:a", "aac", "-f", "mp4", str(path))
    assert sniff(path).name == "mp4"
    assert probe(path, admit=frozenset({"m4a"})).format.name == "m4a"
    assert refusal(path, admit=VIDEO_FORMATS).code == "INVALID_FORMAT"


@pytest.mark.parametrize("name", ["-y.mp3", "a|b.mp3", "%03d.mp3", "concat:x.mp3", "a\nb.mp3", "ü .mp3"])
def test_a_file_name_is_only_a_name(tmp_path, monkeypatch, name):
    make_file(tmp_path, "mp3", name)
    monkeypatch.chdir(tmp_path)
    assert probe(Path(name)).duration_ms == pytest.approx(4000, rel=0.01)


def test_zeros_and_several_tags_may_stand_before_mpeg_frames(tmp_path):
    tags = make_id3(b"TIT2" + seven_bits(5) + b"\x00\x00\x03Song" + bytes(300)) + make_id3(bytes(50))
    frames = make_bytes("mp3")[sound_start(make_file(tmp_path, "mp3")) :]
    found = probe(make_file(tmp_path, tags + bytes(900) + frames))
    assert found.duration_ms == pytest.approx(4000, rel=0.01)
    assert found.tags == {"title": "Song"}


def test_an_id3_tag_may_stand_before_flac(tmp_path):
    assert probe(make_file(tmp_path, make_id3(bytes(99)) + make_bytes("flac"))).format.name == "flac"


def test_tags_are_read_and_made_plain(tmp_path):
    path = make_file(tmp_path, "mp3")
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text="A\x07 long\n  way ✓"))
    tags.add(mutagen.id3.TPE1(encoding=3, text=["First", "Second"]))
    tags.add(mutagen.id3.TCON(encoding=3, text="(17)"))
    tags.add(mutagen.id3.TALB(encoding=3, text="x" * 5000))
    tags.save(path)
    assert probe(path).tags == {"title": "A long way ✓", "artist": "First", "genre": "Rock", "album": "x" * 500}


@pytest.mark.parametrize("name, muxer", [("mp3", "mp3"), ("flac", "flac"), ("m4a", "ipod"), ("ogg", "ogg")])
def test_tags_are_read_from_every_sound_format(tmp_path, name, muxer):
    words = ["-c", "copy", "-metadata", "title=Tide", "-metadata", "artist=Ana", "-f", muxer]
    ffmpeg("-i", str(make_file(tmp_path, name)), *words, str(tmp_path / "tagged"))
    assert probe(tmp_path / "tagged", admit=ALL).tags == {"title": "Tide", "artist": "Ana"}


def test_tags_are_read_from_a_chunk_of_a_wav(tmp_path):
    tag = make_id3(b"TIT2" + seven_bits(5) + b"\x00\x00\x03Tide")
    assert probe(make_file(tmp_path, make_wav_with_chunk(b"id3 ", tag))).tags == {"title": "Tide"}


# What is refused


@pytest.mark.parametrize("body", NOT_MEDIA.values(), ids=NOT_MEDIA)
def test_what_is_no_media_is_refused_whatever_its_name(tmp_path, body):
    path = make_file(tmp_path, body)
    assert sniff(path) is None
    refused = refusal(path)
    assert (refused.code, refused.status) == ("INVALID_FORMAT", 415)
    assert refused.message == "Invalid audio format. Supported: MP3, WAV, FLAC"
    assert refusal(path, admit=IMAGE_FORMATS).message == "Invalid image format. Supported: JPEG, PNG, WEBP"


@pytest.mark.parametrize("name", ["m4a", "ogg", "mp4", "webm", "png", "jpeg", "webp"])
def test_only_the_admitted_formats_are_admitted(tmp_path, name):
    assert refusal(make_file(tmp_path, name)).code == "INVALID_FORMAT"


def test_a_picture_with_a_song_behind_it_is_a_picture(tmp_path):
    assert refusal(make_file(tmp_path, make_bytes("jpeg") + make_bytes("mp3"))).code == "INVALID_FORMAT"
    assert refusal(make_file(tmp_path, make_id3(b"") + make_bytes("jpeg")), admit=ALL).code == "INVALID_FORMAT"


@pytest.mark.parametrize("name", ["mp3", "wav", "flac", "m4a"])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.7])
def test_a_truncated_sound_is_refused(tmp_path, name, share):
    body = make_bytes(name)
    assert refusal(make_file(tmp_path, body[: int(len(body) * share)]), admit=ALL).code == "MEDIA_UNREADABLE"


def test_a_truncated_sound_is_told_how_much_is_missing(tmp_path):
    refused = refusal(make_file(tmp_path, make_bytes("mp3")[:48_000]))
    assert "2.1 s of 4.0 s are missing" in refused.message
    assert refused.status == 422


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "mp4", "webm"])
def test_a_truncated_picture_or_film_is_refused(tmp_path, name):
    body = make_bytes(name)
    refused = refusal(make_file(tmp_path, body[: len(body) // 2]), admit=ALL)
    assert refused.code == "MEDIA_UNREADABLE"


def test_a_truncated_silent_film_is_refused(tmp_path):
    """No sound to count, and one broken picture among hundreds is few: what tells is that packets are missing."""
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=12"]
    ffmpeg(*picture, "-c:v", "libx264", "-movflags", "+faststart", "-f", "mp4", str(tmp_path / "silent"))
    assert media.verify_video(tmp_path / "silent").sample_rate is None
    body = (tmp_path / "silent").read_bytes()
    assert "its end is missing" in refusal(make_file(tmp_path, body[: len(body) * 4 // 5]), admit=VIDEO_FORMATS).message


def test_a_wav_may_hold_only_plain_samples(tmp_path):
    ffmpeg("-i", str(make_file(tmp_path, "mp3")), "-c:a", "adpcm_ms", "-f", "wav", str(tmp_path / "odd"))
    assert refusal(tmp_path / "odd").code == "MEDIA_UNREADABLE"


def test_a_missing_split_second_is_tolerated(tmp_path):
    assert probe(make_file(tmp_path, make_bytes("mp3")[:-12_000])).duration_ms == pytest.approx(3500, abs=60)


@pytest.mark.parametrize("damage", [slice(20_000, 60_000), slice(60_000, None)])
def test_a_song_of_noise_in_a_whole_files_length_is_refused(tmp_path, damage):
    body = bytearray(make_bytes("mp3"))
    body[damage] = random.Random(1).randbytes(len(body[damage]))
    assert refusal(make_file(tmp_path, bytes(body))).code == "MEDIA_UNREADABLE"


def make_wav_with_chunk(name: bytes, chunk: bytes) -> bytes:
    body = make_bytes("wav")[12:] + name + struct.pack("<I", len(chunk)) + chunk + bytes(len(chunk) % 2)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def make_wav_saying(offset: int, layout: str, value: int) -> bytes:
    body = bytearray(make_bytes("wav"))
    struct.pack_into(layout, body, offset, value)
    return bytes(body)


def test_a_wav_that_promises_more_than_it_holds_is_refused(tmp_path):
    refused = refusal(make_file(tmp_path, make_wav_saying(40, "<I", 50_000_000)))
    assert (refused.code, "truncated" in refused.message) == ("MEDIA_UNREADABLE", True)


def test_a_wav_of_unknown_length_is_as_long_as_what_decodes(tmp_path):
    body = bytearray(make_wav_saying(40, "<I", 0xFFFFFFFF))
    struct.pack_into("<I", body, 4, 0xFFFFFFFF)
    assert probe(make_file(tmp_path, bytes(body))).duration_ms == 4000


@pytest.mark.parametrize(
    "offset, layout, value",
    [(22, "<H", 0), (22, "<H", 65535), (24, "<I", 0), (24, "<I", 2_000_000_000), (20, "<H", 0x55), (34, "<H", 0)],
)
def test_a_wav_with_an_impossible_header_is_refused(tmp_path, offset, layout, value):
    assert refusal(make_file(tmp_path, make_wav_saying(offset, layout, value))).code == "MEDIA_UNREADABLE"


def test_a_tag_bomb_costs_the_tags_and_nothing_else(tmp_path):
    """1 MiB that inflates to 1 GiB. Were the limit not there, the title would be read."""
    bomb = make_tag_bomb()
    assert len(bomb) < 2_000_000
    for body in (bomb + make_bytes("mp3"), make_wav_with_chunk(b"id3 ", bomb)):
        found = probe(make_file(tmp_path, body))
        assert (found.duration_ms, found.tags) == (4000, {})


def test_a_tag_bomb_does_not_hide_that_the_song_is_truncated(tmp_path):
    assert refusal(make_file(tmp_path, make_tag_bomb() + make_bytes("mp3")[:48_000])).code == "MEDIA_UNREADABLE"


def test_a_sound_that_decodes_without_end_is_too_complex(tmp_path, monkeypatch):
    """A megabyte of seven hours. What any sound may take is less than 20 s of processor time; here it is a second."""
    assert media.CHECK.cpu < 20
    monkeypatch.setattr(media, "CHECK", replace(media.CHECK, cpu=1))
    refused = refusal(make_file(tmp_path, make_sound_bomb(33_000)))
    assert (refused.code, refused.status) == ("MEDIA_TOO_COMPLEX", 422)


@pytest.mark.parametrize("side, channels", [(30_000, 1), (12_100, 1), (11_900, 3)])
def test_a_picture_bomb_is_too_complex(tmp_path, side, channels):
    """Too large for ffmpeg itself, for our limit of pixels, and for the memory that remains."""
    refused = refusal(make_file(tmp_path, make_png(side, side, channels)), admit=IMAGE_FORMATS)
    assert (refused.code, refused.status) == ("MEDIA_TOO_COMPLEX", 422)


def make_mutant(seed: int) -> bytes:
    """A small file with a few bytes changed, cut out, or doubled, mostly near its start."""
    rng = random.Random(seed)
    body = bytearray(make_bytes(rng.choice(["mp3", "wav", "flac", "m4a", "ogg", "png", "jpeg", "webp"]), 0.3))
    for _ in range(rng.choice([1, 3, 10, 100])):
        place = int(len(body) * rng.random() ** rng.choice([1, 3]))
        change = rng.randrange(4)
        if change == 0:
            del body[place : place + rng.randrange(1, 50)]
        elif change == 1:
            body[place:place] = body[place : place + rng.randrange(1, 50)]
        else:
            body[place : place + 1] = rng.choice([b"\x00", b"\xff", b"\x7f", rng.randbytes(1)])
    return bytes(body)


def test_damaged_files_are_refused_or_read_and_never_break_us(tmp_path):
    def attempt(seed: int) -> str:
        path = make_file(tmp_path, make_mutant(seed), f"{seed}")
        try:
            return probe(path, admit=ALL).format.name
        except MediaError as refused:
            return refused.code

    with ThreadPoolExecutor(4) as pool:
        outcomes = set(pool.map(attempt, range(240)))
    assert {"INVALID_FORMAT", "MEDIA_UNREADABLE", "mp3", "wav"} <= outcomes


# What is made from it


def test_a_transcode_is_the_same_sound_as_a_smaller_mp3_without_tags(tmp_path):
    tag = make_id3(b"TIT2" + seven_bits(5) + b"\x00\x00\x03Tide")
    source = make_file(tmp_path, make_wav_with_chunk(b"id3 ", tag), "song.wav")
    media.transcode(source, tmp_path / "out.mp3", source_format=FORMATS["wav"], bit_rate=128_000)
    made, _ = media.proven(tmp_path / "out.mp3")
    assert (made.format.name, made.tags, made.channels) == ("mp3", {}, 2)
    assert made.duration_ms == pytest.approx(4000, abs=40)
    assert made.bit_rate == pytest.approx(128_000, rel=0.02)
    assert made.size == (tmp_path / "out.mp3").stat().st_size < source.stat().st_size / 8
    assert b"Tide" not in (tmp_path / "out.mp3").read_bytes()


def test_the_same_sound_makes_the_same_bytes(tmp_path):
    source = make_file(tmp_path, "flac")
    for name in "ab":
        media.transcode(source, tmp_path / name, source_format=FORMATS["flac"], bit_rate=96_000)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_transcode_leaves_no_file(tmp_path):
    source = make_file(tmp_path, NOT_MEDIA["text"])
    with pytest.raises(MediaError):
        media.transcode(source, tmp_path / "out.mp3", source_format=FORMATS["mp3"], bit_rate=128_000)
    assert not (tmp_path / "out.mp3").exists()


@pytest.mark.parametrize("bit_rate", [0, 127_999, 128, 400_000, "128k -f wav"])
def test_only_a_real_mp3_bit_rate_reaches_the_encoder(tmp_path, bit_rate):
    with pytest.raises(ValueError):
        media.transcode(make_file(tmp_path, "wav"), tmp_path / "o", source_format=FORMATS["wav"], bit_rate=bit_rate)


def test_what_was_made_is_believed_only_when_all_of_it_decodes(tmp_path):
    """Not for its size, and not for its header, which goes on promising four seconds."""
    media.transcode(make_file(tmp_path, "wav"), tmp_path / "o", source_format=FORMATS["wav"], bit_rate=128_000)
    whole = (tmp_path / "o").read_bytes()
    assert media.proven(tmp_path / "o")[0].duration_ms == pytest.approx(4000, abs=40)
    (tmp_path / "o").write_bytes(whole[: len(whole) // 2])
    assert media.proven(tmp_path / "o")[0].duration_ms == pytest.approx(2000, abs=60)
    for damaged in (b"", whole[:400], whole[:1000] + bytes(len(whole) - 1000)):
        (tmp_path / "o").write_bytes(damaged)
        with pytest.raises(MediaError):
            media.proven(tmp_path / "o")


# How loud it is


@pytest.mark.parametrize("form", ["mp3", "wav", "flac"])
@pytest.mark.parametrize("level", [0.2, 1.0])
def test_a_sound_is_as_loud_as_the_meters_own_summary_says(tmp_path, form, level):
    path, sound = tmp_path / "song", make_sound(6) * level
    write = {"mp3": synth.write_mp3, "wav": synth.write_wav}.get(form)
    if write:
        write(path, sound)
    else:
        synth.write_wav(tmp_path / "w", sound)
        words = ["-v", "error", "-i", str(tmp_path / "w"), "-f", "flac", str(path)]
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *words], check=True)
    heard = media.heard(path)[1]
    assert (heard.lufs, heard.true_peak) == pytest.approx(loudness(path), abs=0.1)
    assert media.heard(path)[0] == probe(path)


def test_what_is_said_of_a_sound_costs_one_decode_of_it(tmp_path, monkeypatch):
    runs, run = [], media.convert
    monkeypatch.setattr(media, "convert", lambda *a, **k: runs.append(a[0].name) or run(*a, **k))
    source = make_file(tmp_path, "wav", "song")
    media.heard(source)
    media.transcode(source, tmp_path / "copy", source_format=FORMATS["wav"], bit_rate=128_000)
    media.proven(tmp_path / "copy")
    assert runs == ["song", "song", "copy"]


def make_steps(folder: Path, seconds: int) -> Path:
    """A sound that is silent in its first third and even after it."""
    tone = 0.5 * np.sin(np.arange(seconds * synth.RATE) / 16)
    tone[: len(tone) // 3] = 0
    synth.write_wav(folder / "steps.wav", np.repeat(tone.astype(np.float32)[:, None], 2, axis=1))
    return folder / "steps.wav"


def make_preview(source: Path, target: Path, duration_ms: int, *, start_ms: int, length_ms=30_000) -> media.Probe:
    where = {"duration_ms": duration_ms, "start_ms": start_ms, "length_ms": length_ms}
    return media.preview(source, target, source_format=media.sniff(source), **where)


def loudness(path: Path) -> tuple[float, float]:
    """(LUFS, dBTP) as ffmpeg's own summary says, not by the numbers that `preview` reads."""
    words = ["-nostdin", "-hide_banner", "-i", str(path), "-filter:a", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *words], capture_output=True, text=True).stderr
    summary = said[said.rindex("Summary:") :]
    return tuple(float(re.search(rf"{name}: +(-?[\d.]+|-inf)", summary)[1]) for name in ("I", "Peak"))


def test_hours_of_readings_are_not_kept(tmp_path):
    peaks = []
    for seconds in (60, 600):
        ffmpeg("-f", "lavfi", "-i", f"sine=r=8000:d={seconds}", "-f", "wav", str(tmp_path / "long"))
        tracemalloc.start()
        heard = media.heard(tmp_path / "long")[1]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert heard.lufs == pytest.approx(loudness(tmp_path / "long")[0], abs=0.06) and peaks[1] < peaks[0] + 200_000


@pytest.mark.parametrize("level", [-23, -33])
def test_a_sine_of_a_known_level_is_as_loud_as_it_was_made(tmp_path, level):
    """EBU Tech 3341, signals 1 and 2: 1 kHz on two channels at so many dBFS is so many LUFS."""
    made = f"aevalsrc={10 ** (level / 20)}*sin(2*PI*1000*t):s=48000:d=20,pan=stereo|c0=c0|c1=c0"
    ffmpeg("-f", "lavfi", "-i", made, "-c:a", "pcm_s24le", "-f", "wav", str(tmp_path / "sine"))
    heard = media.heard(tmp_path / "sine")[1]
    assert heard.lufs == pytest.approx(level, abs=0.1)
    assert heard.true_peak == pytest.approx(level, abs=0.2)  # the meter tells it to a thousandth of full scale


def test_a_preview_is_cut_where_it_is_told_and_fades_at_both_ends(tmp_path):
    source = make_steps(tmp_path, 30)
    made = make_preview(source, tmp_path / "p", 30_000, start_ms=10_000, length_ms=6_000)
    assert made.format.name == "mp3"
    assert made.duration_ms == pytest.approx(6000, abs=60)
    assert made.bit_rate == pytest.approx(128_000, rel=0.02)
    heights = media.peaks(tmp_path / "p", source_format=made.format, count=60)[1::2]
    assert heights[0] < 9 and heights[-1] < 9
    assert min(heights[12:48]) > 25
    assert heights[3] < heights[6] < heights[12]


@pytest.mark.parametrize("level", [0.05, 1.0, 8.0])
def test_previews_are_as_loud_as_each_other_and_never_clip(tmp_path, level):
    """-14 LUFS, true peak -1 dBTP at most; the loud one arrives clipped."""
    synth.write_wav(tmp_path / "song.wav", np.clip(make_sound(8) * level, -1, 1))
    make_preview(tmp_path / "song.wav", tmp_path / "p", 8000, start_ms=1000, length_ms=6000)
    lufs, peak = loudness(tmp_path / "p")
    assert lufs == pytest.approx(-14, abs=1) and peak <= -1


def test_clicks_are_limited_before_they_clip(tmp_path):
    """What cannot be as loud as the rest without clipping stays quieter."""
    rng, clicks = np.random.default_rng(1), np.zeros((6 * synth.RATE, 2), np.float32)
    for at in range(0, len(clicks), synth.RATE // 2):
        clicks[at : at + 4000] = (0.5 * rng.standard_normal(4000) * np.exp(-np.arange(4000) / 1000))[:, None]
    synth.write_wav(tmp_path / "clicks.wav", np.clip(clicks, -1, 1))
    make_preview(tmp_path / "clicks.wav", tmp_path / "p", 6000, start_ms=0)
    lufs, peak = loudness(tmp_path / "p")
    assert -18 < lufs < -13 and peak <= -0.9


def test_silence_is_not_lifted(tmp_path):
    synth.write_wav(tmp_path / "a.wav", np.zeros((3 * synth.RATE, 2), np.float32))
    made = make_preview(tmp_path / "a.wav", tmp_path / "p", 3000, start_ms=0)
    assert set(media.peaks(tmp_path / "p", source_format=made.format)) <= {0, -1}


def test_a_preview_never_begins_too_late_for_its_length(tmp_path):
    source = make_file(tmp_path, "wav")
    for start in (-5, 3900, 10**9):
        made = make_preview(source, tmp_path / "p", 4000, start_ms=start, length_ms=1000)
        assert made.duration_ms == pytest.approx(1000, abs=60)


def test_a_preview_of_a_short_sound_is_all_of_it(tmp_path):
    made = make_preview(make_file(tmp_path, "flac"), tmp_path / "p", 4000, start_ms=1500)
    assert made.duration_ms == pytest.approx(4000, abs=40)
