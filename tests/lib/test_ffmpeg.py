"""The walls around ffmpeg, by what gets through and by its argument list."""

import imageio_ffmpeg
import pytest

from apps.lib import media
from apps.lib.errors import Refusal
from apps.lib.ffmpeg import MediaError, convert
from apps.lib.formats import AUDIO_FORMATS, FORMATS
from apps.lib.sandbox import Limits
from tests.lib.made import NOT_MEDIA, make_file


@pytest.mark.parametrize("name", sorted(AUDIO_FORMATS))
def test_a_playlist_never_yields_the_sound_it_points_at(tmp_path, name):
    """Even when somebody has already taken it for a song: the demuxer is forced, so it is not read as a playlist."""
    make_file(tmp_path, "wav", "other.wav")
    for kind in ("hls", "ffconcat", "tagged hls"):
        playlist = make_file(tmp_path, NOT_MEDIA[kind])
        with pytest.raises(MediaError):
            media.transcode(playlist, tmp_path / "out.mp3", source_format=FORMATS[name], bit_rate=128_000)
    assert {path.name for path in tmp_path.iterdir()} == {"other.wav", "song.mp3"}


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_every_call_of_ffmpeg_stands_behind_all_walls(tmp_path, monkeypatch, form):
    """One wall hides the fall of another from every other test, so here is the argument list itself."""
    song = make_file(tmp_path, form.name)
    echo = make_file(tmp_path, b'#!/bin/sh\necho "$@" >&2\n', "echo")
    echo.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(echo))
    said = convert(song, form, ["pipe:1"], limits=Limits()).stderr.decode()
    before, _, after = said.partition(" -i ")
    assert after == f"file:{tmp_path}/song.mp3 pipe:1\n"
    assert before.endswith(f" -f {form.demuxer}")
    walls = ["-nostdin", "-protocol_whitelist file,pipe", f"-format_whitelist {form.demuxer}", "-max_pixels 144000000"]
    for wall in [*walls, f"-codec_whitelist {form.codecs}", "-threads 1"]:
        assert f" {wall} " in f" {before} "


def test_work_beyond_the_limits_is_too_complex(tmp_path):
    path = make_file(tmp_path, "mp3")
    with pytest.raises(MediaError) as caught:
        convert(path, FORMATS["mp3"], ["-f", "s16le", "pipe:1"], limits=Limits(output=10))
    assert caught.value.code == "MEDIA_TOO_COMPLEX"


def test_a_machine_too_busy_to_read_it_in_time_is_not_the_files_fault(tmp_path):
    with pytest.raises(Refusal) as caught:
        convert(make_file(tmp_path, "mp3"), FORMATS["mp3"], ["-f", "s16le", "pipe:1"], limits=Limits(wall=0.001))
    assert (caught.value.code, caught.value.status) == ("IO_ERROR", 503)


def test_a_full_disk_is_not_the_files_fault(tmp_path):
    with pytest.raises(OSError, match="no space left"):
        convert(make_file(tmp_path, "wav"), FORMATS["wav"], ["-f", "wav", "/dev/full"], limits=Limits())
