"""Whole files of music in many kinds, and what somebody might send in their place on purpose."""

import io
import struct
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path

FLAC_KINDS = {"flac": [], "flac mono 24": ["-ac", "1", "-sample_fmt", "s32"], "flac 96": ["-ar", "96000"]}
WAV_CODECS = ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw")
PAGE = b"<!doctype html><script>alert(document.domain)</script>"
LISTS = {
    "concat as bytes": b"concat:/etc/passwd|/etc/hosts",
    "list of segments": b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile:///etc/passwd\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    "dash": b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
    "entities": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
}


@cache
def whole() -> dict[str, bytes]:
    """Whole sound files of a second or less, of every kind that is admitted."""
    from deploy.demo import synth
    from tests.lib.made import ffmpeg, make_sound

    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "source.wav", Path(folder) / "made"
        synth.write_wav(source, make_sound(1))

        def converted(*words: str) -> bytes:
            ffmpeg("-i", str(source), *words, str(made))
            return made.read_bytes()

        words = ["-metadata", "title=Tide", "-metadata", "artist=Ana", "-metadata", "TBPM=120"]
        files = {f"wav {codec}": converted("-c:a", codec, "-f", "wav") for codec in WAV_CODECS}
        files["wav with words"] = converted(*words, "-f", "wav")
        files["wav of six"] = converted("-ac", "6", "-t", "0.3", "-f", "wav")
        files["wav 64"] = converted("-rf64", "always", "-f", "wav")
        files |= {name: converted(*how, *words, "-f", "flac") for name, how in FLAC_KINDS.items()}
        files["mp3"] = converted("-b:a", "128k", *words, "-f", "mp3")
        files["mp3 variable"] = converted("-q:a", "4", "-id3v2_version", "3", "-write_id3v1", "1", *words, "-f", "mp3")
        files["mp3 low"] = converted("-ar", "22050", "-ac", "1", "-b:a", "32k", "-f", "mp3")
        files["mp3 lowest"] = converted("-ar", "8000", "-ac", "1", "-b:a", "8k", "-f", "mp3")
        return files


@cache
def corpus() -> dict[str, bytes]:
    """What somebody might send on purpose: no music, two things at once, bombs, lies about lengths."""
    from tests.lib.made import CONVERTED, NOT_MEDIA, make_bytes

    mp3, wav, flac = whole()["mp3"], whole()["wav pcm_s16le"], whole()["flac"]
    files = NOT_MEDIA | {name: make_bytes(name) for name in (*CONVERTED, "mp4", "png", "jpeg", "webp")}
    return files | _tagged(mp3) | _two_at_once(mp3, wav, flac) | _bent_waves(wav) | _bent_flacs(flac) | LISTS


def _tagged(mp3: bytes) -> dict[str, bytes]:
    from tests.lib.made import make_bytes, make_id3, make_tag_bomb

    return {
        "tag bomb": make_tag_bomb() + mp3,
        "tag bomb alone": make_tag_bomb(),
        "many tags": make_id3(bytes(20)) * 400 + mp3,
        "tag longer than the file": b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + mp3,
        "song with a cover": _covered(mp3, make_bytes("jpeg")),
        "song with a cut cover": _covered(mp3, make_bytes("png")[:200]),
        "song with a cover that is a page": _covered(mp3, PAGE),
        "song with a cover that is a bomb": _covered(mp3, _vast()),
        "picture of 100 MB that is not there": make_id3(b"APIC" + b"\x2f\x6f\x10\x00" + bytes(40)) + mp3,
        "page in a tag": make_id3(PAGE.ljust(400, b" ")) + mp3,
        "picture before": make_bytes("jpeg") + mp3,
        "tagged picture": make_id3(b"") + make_bytes("png"),
        "pdf in a tag": make_id3(b"%PDF-1.7\n1 0 obj<<>>endobj\n".ljust(300)) + mp3,
    }


def _two_at_once(mp3: bytes, wav: bytes, flac: bytes) -> dict[str, bytes]:
    return {
        "page before": PAGE + mp3,
        "page behind": mp3 + PAGE,
        "script before": b"#!/bin/sh\nid\n" + mp3,
        "program": b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + mp3,
        "archive behind": wav + _zip(),
        "archive before": _zip() + mp3,
        "two waves": wav + wav,
        "two formats": flac + mp3,
        "other order": mp3 + flac,
        "zeros before": bytes(60_000) + mp3,
        "more zeros before": bytes(2_000_000) + mp3,
        "zeros behind": mp3 + bytes(2_000_000),
        "headers alone": mp3[:4] * 50_000,
    }


def _bent_waves(wav: bytes) -> dict[str, bytes]:
    return {
        "picture in a wave": wav[:12] + b"\x89PNG\r\n\x1a\n" + wav[12:],
        "wave of nothing": wav[:44],
        "wave that promises 4 GB": wav[:4] + b"\xff" * 4 + wav[8:40] + b"\xff" * 4 + wav[44:],
        "wave of no channels": put(wav, 22, "<H", 0),
        "wave of 65,535 channels": put(wav, 22, "<H", 65_535),
        "wave of 0 Hz": put(wav, 24, "<I", 0),
        "wave of 4 GHz": put(wav, 24, "<I", 0xFFFFFFFF),
        "wave of 1 Hz": put(wav, 24, "<I", 1),
        "wave of 0 bits": put(wav, 34, "<H", 0),
        "wave of an unknown codec": put(wav, 20, "<H", 0x1234),
        "wave with video": put(wav, 20, "<H", 0x0055),
        "wave of a million chunks": wav[:12] + b"junk\0\0\0\0" * 1_000_000 + wav[12:],
        "silence of a day": put(put(wav, 24, "<I", 1), 28, "<I", 1)[:44] + bytes(86_400),
        "list in a wave": wav[:44] + b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/\n",
    }


def _bent_flacs(flac: bytes) -> dict[str, bytes]:
    from tests.lib.made import make_sound_bomb

    return {
        "flac without blocks": flac[:4],
        "flac of a thousand pictures": flac[:4] + (b"\x06\x00\x00\x20" + bytes(32)) * 1000 + flac[4:],
        "flac block of 16 MB": flac[:42] + b"\x04\xff\xff\xff" + flac[42:],
        "flac of no samples": flac[:8] + bytes(34) + flac[42:],
        "flac of all samples": put(flac, 21, ">Q", 0xFFFFFFFFFFFFFFFF),
        "flac of two days of silence": make_sound_bomb(240_000),
    }


def _covered(song: bytes, picture: bytes) -> bytes:
    from tests.lib.made import make_id3, seven_bits

    body = b"\x00image/jpeg\x00\x03\x00" + picture
    return make_id3(b"APIC" + seven_bits(len(body)) + b"\0\0" + body) + song


def _vast() -> bytes:
    """A PNG of 30,000 pixels a side, in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(3751 * 3000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _zip() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/cron.d/x", bytes(1_000_000))
    return body.getvalue()


def put(body: bytes, at: int, layout: str, value: int) -> bytes:
    """The same with a number put over what was there; beyond the end there is nothing to put."""
    packed = struct.pack(layout, value)
    return body[:at] + packed + body[at + len(packed) :]


# --- Mutations: (body, dice) → body -------------------------------------------------------------------------------
