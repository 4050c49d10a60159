"""Waveforms of sounds whose shape is known."""

import json
import subprocess
import tracemalloc

import imageio_ffmpeg
import numpy as np
import pytest

from apps.lib.formats import FORMATS
from apps.lib.media import MediaError
from apps.lib.peaks import peaks, waveform_json
from deploy.demo import synth

WAV = FORMATS["wav"]


def make_wav(path, samples):
    """A WAV file from one channel of samples, the same on both sides."""
    synth.write_wav(path, np.repeat(np.asarray(samples, np.float32)[:, None], 2, axis=1))
    return path


def make_tone(seconds, loudness):
    return loudness * np.sin(2 * np.pi * 440 * np.arange(int(seconds * synth.RATE)) / synth.RATE)


def test_the_outline_follows_the_loudness(tmp_path):
    sound = np.concatenate([np.zeros(2 * synth.RATE), make_tone(2, 0.5), make_tone(2, 1.0)])
    pairs = np.array(peaks(make_wav(tmp_path / "a.wav", sound), source_format=WAV, count=60)).reshape(-1, 2)
    assert pairs.shape == (60, 2)
    assert np.abs(pairs[:19]).max() <= 1
    assert pairs[21:39, 1] == pytest.approx(64, abs=4)
    assert pairs[21:39, 0] == pytest.approx(-64, abs=4)
    assert pairs[41:, 1] == pytest.approx(125, abs=4)
    assert pairs.min() >= -128
    assert pairs.max() <= 127


def test_a_single_click_is_in_its_bucket(tmp_path):
    sound = np.zeros(10 * synth.RATE)
    sound[int(7.25 * synth.RATE) :][:40] = 1
    pairs = np.array(peaks(make_wav(tmp_path / "a.wav", sound), source_format=WAV, count=100)).reshape(-1, 2)
    assert pairs[:, 1].argmax() == 72
    assert pairs[72, 1] > 50


def test_every_bucket_count_is_kept(tmp_path):
    path = make_wav(tmp_path / "a.wav", make_tone(3.7, 0.5))
    assert [len(peaks(path, source_format=WAV, count=count)) for count in (1, 7, 800, 1000)] == [2, 14, 1600, 2000]


def test_a_very_short_sound_has_fewer_buckets(tmp_path):
    assert 2 <= len(peaks(make_wav(tmp_path / "a.wav", make_tone(0.01, 0.5)), source_format=WAV)) <= 12


@pytest.mark.parametrize(
    "write, name", [(synth.write_mp3, "mp3"), (synth.write_flac, "flac"), (synth.write_wav, "wav")]
)
def test_the_json_has_the_shape_players_read(tmp_path, write, name):
    write(tmp_path / "a", synth.compose(1, 4, tempo=100, pitch_class=0, mode="major"))
    body = waveform_json(tmp_path / "a", source_format=FORMATS[name])
    wave = json.loads(body.decode())
    data = wave.pop("data")
    assert wave == {
        "version": 2,
        "channels": 1,
        "sample_rate": 8000,
        "samples_per_pixel": 40,
        "bits": 8,
        "length": 800,
    }
    assert len(data) == 1600
    assert all(isinstance(value, int) and -128 <= value <= 127 for value in data)
    assert all(low <= high for low, high in zip(data[::2], data[1::2], strict=True))


def test_bytes_that_do_not_decode_have_no_waveform(tmp_path):
    (tmp_path / "a").write_bytes(b"not a sound at all" * 100)
    for form in ("mp3", "wav", "flac", "ogg", "m4a"):
        with pytest.raises(MediaError):
            peaks(tmp_path / "a", source_format=FORMATS[form])


def test_a_long_sound_passes_through_without_being_kept(tmp_path):
    """Forty minutes are 38 MB of samples at 8 kHz; what stays is a pair per 16 of them."""
    silence = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "2400", "-f", "flac", str(tmp_path / "a")]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *silence], check=True)
    tracemalloc.start()
    try:
        assert set(peaks(tmp_path / "a", source_format=FORMATS["flac"])) == {0}
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
