"""What a file should be compressed to, and whether somebody talks in it."""

import numpy as np
import pytest

from apps.lib import media, profiles
from apps.lib.media import FORMATS
from deploy.demo import synth
from tests.lib.made import ffmpeg, make_talk


def make_probe(codec="mp3", bit_rate=320_000, sample_rate=44_100, channels=2) -> media.Probe:
    return media.Probe(FORMATS["mp3"], 1, 1000, codec, sample_rate, channels, bit_rate, None, None, {})


def make_outline(folder, sound: np.ndarray, **options) -> np.ndarray:
    synth.write_wav(folder / "sound.wav", sound)
    return media.outline(folder / "sound.wav", source_format=FORMATS["wav"], **options)


@pytest.mark.parametrize(
    "facts, advised",
    [
        ({"codec": "pcm_s16le", "bit_rate": 1_411_200}, 192_000),
        ({"codec": "flac", "bit_rate": 900_000}, 192_000),
        ({"codec": "flac", "bit_rate": 2_900_000, "sample_rate": 96_000}, 256_000),
        ({"codec": "pcm_s16le", "bit_rate": 705_600, "channels": 1}, 96_000),
        ({"codec": "pcm_s16le", "bit_rate": 705_600, "sample_rate": 22_050}, 128_000),
        ({"codec": "pcm_s16le", "bit_rate": 256_000, "sample_rate": 8_000}, 64_000),
        ({"codec": "flac", "bit_rate": 60_000}, None),
        ({"bit_rate": 320_000}, 192_000),
        ({"bit_rate": 192_600}, None),
        ({"bit_rate": 128_000}, None),
        ({"bit_rate": 200_000}, None),
        ({"bit_rate": 128_000, "channels": 1}, 96_000),
        ({"codec": "aac", "bit_rate": 256_000}, 192_000),
        ({"codec": "vorbis", "bit_rate": 160_000}, None),
    ],
)
def test_compression_is_advised_only_where_it_helps(facts, advised):
    profile = profiles.recommended(make_probe(**facts))
    assert (profile and profile.bit_rate) == advised and (profile is None or profile.name == "medium")


@pytest.mark.parametrize(
    "facts, advised",
    [
        ({"codec": "pcm_s16le", "bit_rate": 1_411_200}, 96_000),
        ({"codec": "flac", "bit_rate": 2_900_000, "sample_rate": 96_000}, 96_000),
        ({"codec": "pcm_s16le", "bit_rate": 705_600, "channels": 1}, 64_000),
        ({"bit_rate": 128_000, "sample_rate": 22_050}, 64_000),
        ({"bit_rate": 96_000}, None),
        ({"bit_rate": 64_000, "channels": 1}, None),
    ],
)
def test_speech_needs_half_of_music(facts, advised):
    profile = profiles.recommended(make_probe(**facts), speech=True)
    assert (profile and profile.bit_rate) == advised and (profile is None or profile.name == "speech")


@pytest.mark.parametrize("name", ["medium", "speech"])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("hertz", [8_000, 22_050, 44_100, 96_000])
def test_no_advice_is_ever_above_the_source(name, channels, hertz):
    for rate in (8_000, 64_000, 97_000, 128_000, 191_000, 256_000, 320_000, 4_000_000):
        source = make_probe("flac", rate, hertz, channels)
        profile = profiles.recommended(source, speech=name == "speech")
        assert profile is None or (profile.name == name and profile.bit_rate * 1.1 < rate)
        assert profile is None or profile.bit_rate in media.MP3_BIT_RATES


@pytest.mark.parametrize("speech", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("hertz", [8_000, 11_025, 12_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_the_encoder_keeps_to_what_is_advised(tmp_path, hertz, channels, speech):
    """Or a report would tell of another bit rate than the file has."""
    made = f"anoisesrc=d=2:r={hertz}:color=pink,aformat=channel_layouts={channels}c"
    ffmpeg("-f", "lavfi", "-i", made, "-c:a", "pcm_s32le", "-f", "wav", str(tmp_path / "a"))
    probe = media.probe(tmp_path / "a")
    advised = profiles.recommended(probe, speech=speech).bit_rate
    media.transcode(tmp_path / "a", tmp_path / "b", source_format=probe.format, bit_rate=advised)
    copy, _ = media.proven(tmp_path / "b")
    assert copy.bit_rate == pytest.approx(advised, rel=0.1)


def test_somebody_who_talks_is_told_from_music(tmp_path):
    assert profiles.is_speech(make_outline(tmp_path, make_talk()))
    for seed, tempo in ((1, 70), (2, 95), (3, 120), (4, 150)):
        music = synth.compose(seed, 15, tempo=tempo, pitch_class=0, mode="minor")
        assert not profiles.is_speech(make_outline(tmp_path, music))


def test_silence_and_what_is_short_are_music(tmp_path):
    assert not profiles.is_speech(make_outline(tmp_path, make_talk()[: 6 * synth.RATE]))
    assert not profiles.is_speech(np.zeros((500 * 20, 2), np.int16))


def test_steady_beats_with_rests_between_them_are_music():
    """Pauses and onsets as in speech, but the same ones again and again."""
    at = np.arange(20 * 500) % 200
    level = np.where(at < 110, 20_000 - at * 150, 4).astype(np.int16)
    assert not profiles.is_speech(np.stack([-level, level], axis=1))
    rests = np.random.default_rng(1).integers(10, 200, 80)
    uneven = np.concatenate([np.pad(level[:110], (0, rest)) for rest in rests])
    assert profiles.is_speech(np.stack([-uneven, uneven], axis=1))


def test_a_voice_from_the_middle_is_narrow_and_two_sides_are_wide(tmp_path):
    talk = make_talk()
    sides = make_outline(tmp_path, talk, sides=True)
    assert profiles.is_narrow(make_outline(tmp_path, talk), sides)
    talk = talk * np.float32((1, 0.2))
    sides = make_outline(tmp_path, talk, sides=True)
    assert not profiles.is_narrow(make_outline(tmp_path, talk), sides)
