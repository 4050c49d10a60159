"""What a file says of itself, and what becomes of it."""

import datetime as dt
import io
from decimal import Decimal

import pytest
from PIL import Image

from apps.catalog import sweeper
from apps.catalog.models import Blob
from apps.lib import clock, spool, storage
from apps.uploads import proposal
from tests.lib.made import make_bytes, make_tag_bomb
from tests.make import audio, make_track, tagged

pytestmark = pytest.mark.django_db(transaction=True)

FRAMES = {
    "TIT2": "Night Train", "TPE1": "Vega", "TCON": "Ambient", "TBPM": "127,5", "TKEY": "Abm",
    "TSRC": "us-abc-24-00001", "TDRC": "2021-05-03",
}  # fmt: skip
COMMENTS = {
    "title": "Night Train", "artist": "Vega", "genre": "Ambient", "bpm": "127.5", "initialkey": "1A",
    "isrc": "USABC2400001", "date": "2021-05-03",
}  # fmt: skip
SAID = {
    "title": "Night Train", "artist": "Vega", "genre": "Ambient", "tempo": "127.50", "pitch_class": 8, "mode": "minor",
    "isrc": "USABC2400001", "release_date": "2021-05-03",
}  # fmt: skip


def of(body: bytes) -> dict:
    with spool.workspace() as folder:
        path = folder / "sound"
        path.write_bytes(body)
        return proposal.read(path)[1]


@pytest.mark.parametrize("form", ["mp3", "wav", "flac"])
def test_what_tags_say_becomes_fields(form):
    assert of(tagged(audio(form), form, **(COMMENTS if form == "flac" else FRAMES))) == SAID


def test_a_file_without_tags_proposes_nothing():
    assert of(audio("wav")) == {}


@pytest.mark.parametrize(
    "frame, word, name",
    [
        ("TBPM", "fast", "tempo"),
        ("TBPM", "nan", "tempo"),
        ("TBPM", "1e999999", "tempo"),
        ("TBPM", "0", "tempo"),
        ("TSRC", "no isrc", "isrc"),
        ("TKEY", "o", "pitch_class"),
        ("TKEY", "H", "pitch_class"),
        ("TDRC", "2021", "release_date"),
        ("TDRC", "2021-02", "release_date"),
        ("TIT2", " \u202e\u2066 ", "title"),
        ("TIT2", "\u200b\u3164", "title"),
        ("TPE1", "\u2800", "artist"),
    ],
)
def test_what_does_not_read_as_its_field_is_left_out(frame, word, name):
    assert name not in of(tagged(audio("mp3"), **{frame: word}))


@pytest.mark.parametrize(
    "word, pitch_class, mode",
    [
        ("Am", 9, "minor"), ("a minor", 9, "minor"), ("A-moll", 9, "minor"), ("A", 9, ""), ("Amaj", 9, "major"),
        ("D♭", 1, ""), ("Db major", 1, "major"), ("C#m", 1, "minor"), ("Bbm", 10, "minor"), ("8A", 9, "minor"),
        ("8B", 0, "major"), ("F#Dur", 6, "major"), ("B-moll", 10, "minor"), ("H dur", 11, "major"), ("Bm", 11, "minor"),
    ],
)  # fmt: skip
def test_keys_are_read_as_programs_write_them(word, pitch_class, mode):
    said = proposal.said({"key": word})
    assert (said["pitch_class"], said.get("mode", "")) == (pitch_class, mode)


def test_long_words_are_cut_and_turning_characters_are_dropped():
    said = proposal.said({"title": "\u202edrah\u202c" + "x" * 400, "genre": "g" * 300})
    assert said["title"].startswith("drahx") and len(said["title"]) == 255 and len(said["genre"]) == 80


def test_a_tag_bomb_proposes_nothing_and_refuses_nothing():
    assert of(make_tag_bomb() + audio("mp3")) == {}


def test_a_proposal_fills_what_was_left_empty_and_nothing_else():
    facts = {"title": "Mine", "artist": "", "tempo": None, "mood": [], "is_public": False}
    assert proposal.filled(facts, SAID) == {
        **facts,
        "artist": "Vega",
        "genre": "Ambient",
        "tempo": Decimal("127.50"),
        "pitch_class": 8,
        "mode": "minor",
        "isrc": "USABC2400001",
        "release_date": dt.date(2021, 5, 3),
    }


@pytest.mark.parametrize("said", [{"pitch_class": 0}, {"mode": "major"}])
def test_half_a_key_that_a_person_said_is_not_completed_by_a_tag(said):
    filled = proposal.filled(said, SAID)
    assert {name: filled[name] for name in ("pitch_class", "mode") if name in filled} == said


def test_the_cover_becomes_a_picture_of_ours(ana):
    track = make_track(ana)
    said = of(tagged(audio("mp3"), cover=make_bytes("png")))
    proposal.dress(track, said)
    blob = track.files.get(role="cover").blob
    with blob.open() as file:
        picture = Image.open(io.BytesIO(file.read()))
    assert (picture.format, picture.size, blob.mime) == ("WEBP", (1024, 1024), "image/webp")


def test_a_cover_that_is_there_stays(ana):
    track = make_track(ana)
    for seed in ("png", "jpeg"):
        proposal.dress(track, of(tagged(audio("mp3"), cover=make_bytes(seed))))
    assert track.files.get(role="cover").blob.sha256 == of(tagged(audio("mp3"), cover=make_bytes("png")))["cover"]


@pytest.mark.parametrize(
    "body", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a<script>", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_no_cover(body):
    """D1."""
    assert "cover" not in of(tagged(audio("mp3"), cover=body))


def test_the_cover_of_an_upload_that_came_to_nothing_is_swept():
    said = of(tagged(audio("mp3"), cover=make_bytes("png")))
    key = Blob.objects.get(sha256=said["cover"]).key
    sweeper.sweep()
    assert storage.exists(key)
    sweeper.sweep(now=clock.now() + sweeper.KEPT + dt.timedelta(minutes=1))
    assert not storage.exists(key)
