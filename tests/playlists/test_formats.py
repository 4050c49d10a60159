"""Playlist files out and in: our writers and readers against each other, against others', and against bad bytes."""

import base64
import codecs
import json
import tracemalloc
import uuid
from xml.sax.saxutils import escape

import m3u8
import pytest
import xspf_lib
from hypothesis import example, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from apps.lib import sheet
from apps.lib.errors import Refusal
from apps.playlists.formats import FORMS, MIMES, File, Line, read, tables, write
from apps.playlists.formats import m3u8 as m3u8_files
from apps.playlists.formats.lines import cleaned, text

ABOUT = {"creator": "ana", "info": "https://keep.example/playlists/1", "identifier": f"urn:uuid:{uuid.UUID(int=9)}"}
ID = uuid.UUID("0190b6f2-7c1e-7abc-8def-0123456789ab")
STREAM = f"https://keep.example/api/v1/tracks/{ID}/stream"
TRICKY = 'A - B, "c" <&> \\ Ünï 🎵 ]]>'

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
lines = st.builds(
    lambda title, artist, ms, isrc, pk: Line(
        cleaned(title) or "x", cleaned(artist), ms, isrc, "", pk, f"https://keep.example/api/v1/tracks/{pk}/stream"
    ),
    words, words, st.none() | st.integers(1, 10**8), st.sampled_from(["", "USABC2400001"]), st.uuids(),
)  # fmt: skip
playlists = st.builds(
    lambda title, said, rows: File(cleaned(title), text(said), rows), words, words, st.lists(lines, max_size=5)
)


def out(file: File, form: str, hidden: int = 0) -> bytes:
    return write(file, form, hidden=hidden, about=ABOUT)


def back(data: bytes | str, **options) -> File:
    return read(data.encode() if isinstance(data, str) else data, **{"most": 1000, **options})


def only(data: bytes | str, **options) -> Line:
    [line] = back(data, **options).lines
    return line


def refused(data: bytes | str, **options) -> str:
    with pytest.raises(Refusal) as refusal:
        back(data, **options)
    assert "file" in refusal.value.fields
    return refusal.value.code


def one(**facts) -> File:
    return File("Evening", lines=[Line(**{"title": "Night Train", "named": ID, "location": STREAM, **facts})])


# --- Out and in again ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", MIMES)
@example_settings(max_examples=150, deadline=None)
@given(file=playlists)
@example(
    file=File(
        TRICKY, "two\nlines", [Line(TRICKY, "", None, "", "", ID, STREAM), Line("x", TRICKY, 1, "", "", ID, STREAM)]
    )
)
def test_what_went_out_comes_in_the_same(form, file):
    again = back(out(file, form))
    assert [(line.named, line.title, line.artist, line.isrc) for line in again.lines] == [
        (line.named, line.title, line.artist, line.isrc) for line in file.lines
    ]
    assert again.title == file.title and again.form == form
    if form != "m3u8":  # which knows whole seconds and no description
        assert again.lines == file.lines and again.description == file.description


def test_m3u8_tells_whole_seconds():
    assert back(out(one(duration_ms=185_600), "m3u8")).lines[0].duration_ms == 186_000


@pytest.mark.parametrize("form", MIMES)
def test_identities_go_along_in_every_format(form):
    line = only(out(one(isrc="USABC2400001", sha256="a" * 64), form))
    assert (line.named, line.isrc, line.sha256, line.location) == (ID, "USABC2400001", "a" * 64, STREAM)


@pytest.mark.parametrize("form", MIMES)
def test_entries_that_are_not_shown_are_a_number_and_no_line(form):
    data = out(one(), form, hidden=3)
    assert len(back(data).lines) == 1 and b"3" in data
    assert data != out(one(), form)


# --- Read by others -----------------------------------------------------------------------------------------------
def many() -> File:
    ids = [uuid.UUID(int=n) for n in range(1, 30)]
    return File(
        "Nächte 🎵",
        "Für später",
        [
            Line(
                f"{TRICKY} {n}",
                "Ana & Söhne",
                1000 * n,
                "USABC2400001",
                "b" * 64,
                pk,
                f"https://keep.example/api/v1/tracks/{pk}/stream",
            )
            for n, pk in enumerate(ids, 1)
        ],
    )


def test_another_reader_of_m3u8_sees_the_same_order_and_tracks():
    file = many()
    theirs = m3u8.loads(out(file, "m3u8", hidden=1).decode()).segments
    assert [(s.uri, s.duration, s.title) for s in theirs] == [
        (line.location, line.duration_ms / 1000, f"{line.artist} - {line.title}") for line in file.lines
    ]


def theirs_of(data: bytes, folder) -> xspf_lib.Playlist:
    path = folder / "list.xspf"
    path.write_bytes(data)
    return xspf_lib.Playlist.parse(str(path))


def test_another_reader_of_xspf_sees_the_same_order_and_tracks(tmp_path):
    file = many()
    theirs = theirs_of(out(file, "xspf", hidden=1), tmp_path)
    assert (theirs.title, theirs.annotation, theirs.creator) == (file.title, file.description, "ana")
    assert [(str(t.location[0]), t.title, t.creator, t.duration) for t in theirs.trackList] == [
        (line.location, line.title, line.artist, line.duration_ms) for line in file.lines
    ]
    assert [str(t.identifier[0]) for t in theirs.trackList] == [f"urn:uuid:{line.named}" for line in file.lines]


def test_what_another_writer_of_xspf_wrote_is_read():
    track = xspf_lib.Track(location=STREAM, title=TRICKY, creator="Ana", duration=5000, identifier="isrc:USABC2400001")
    theirs = xspf_lib.Playlist(title="Theirs", trackList=[track, xspf_lib.Track(title="Second")])
    file = back('<?xml version="1.0"?>' + theirs.xml_string())
    assert file.title == "Theirs" and [line.title for line in file.lines] == [TRICKY, "Second"]
    assert (file.lines[0].named, file.lines[0].isrc, file.lines[0].duration_ms) == (ID, "USABC2400001", 5000)


def as_xspf(jspf: dict) -> bytes:
    """By the JSPF draft its members are XSPF's elements of the same name, lists where several are allowed."""

    def element(name: str, said) -> str:
        if isinstance(said, list):
            return "".join(element(name, each) for each in said)
        if isinstance(said, dict):
            return "".join(f'<{name} rel="{rel}">{value}</{name}>' for rel, value in said.items())
        return f"<{name}>{escape(str(said))}</{name}>"

    body = "".join(element(name, said) for name, said in jspf.items() if name != "track")
    tracks = "".join(f"<track>{''.join(element(n, s) for n, s in t.items())}</track>" for t in jspf["track"])
    return (
        f'<playlist version="1" xmlns="http://xspf.org/ns/0/">{body}<trackList>{tracks}</trackList></playlist>'.encode()
    )


def test_another_reader_sees_the_same_order_and_tracks_in_jspf(tmp_path):
    file = many()
    theirs = theirs_of(as_xspf(json.loads(out(file, "jspf", hidden=1))["playlist"]), tmp_path)
    assert [(str(t.location[0]), t.title, t.creator, t.duration, str(t.identifier[0])) for t in theirs.trackList] == [
        (line.location, line.title, line.artist, line.duration_ms, f"urn:uuid:{line.named}") for line in file.lines
    ]


# --- What others write --------------------------------------------------------------------------------------------
def test_an_m3u_without_header_is_known_by_its_lines():
    file = back("C:\\Music\\03 - Ana - Night_Train.mp3\r\n/home/x/Solo.flac\r\nhttps://x.example/a%20b.ogg?c=1\r\n")
    assert [(line.artist, line.title) for line in file.lines] == [("Ana", "Night Train"), ("", "Solo"), ("", "a b")]
    assert file.form == "m3u8" and file.lines[0].location == "C:\\Music\\03 - Ana - Night_Train.mp3"


def test_attributes_of_television_lists_are_no_part_of_the_name():
    line = only('#EXTM3U\n#EXTINF:12.5 tvg-name="a, b" group="c",Ana - Night, Train\nhttp://x.example/1')
    assert (line.artist, line.title, line.duration_ms) == ("Ana", "Night, Train", 12_500)


@pytest.mark.parametrize(
    "said",
    [f"urn:uuid:{ID}", str(ID).upper(), f"https://elsewhere.example/tracks/{ID}", f"{STREAM}?t=1", f"/tracks/{ID}/"],
)
def test_our_id_is_known_in_whatever_form(said):
    assert only(json.dumps({"playlist": {"track": [{"identifier": said}]}})).named == ID


@pytest.mark.parametrize(
    "said",
    [f"urn:sha256:{'AB' * 32}", f"hash://sha256/{'ab' * 32}",
     "ni:///sha-256;" + base64.urlsafe_b64encode(bytes.fromhex("ab" * 32)).decode().rstrip("=")],
)  # fmt: skip
def test_a_hash_is_known_in_whatever_form(said):
    assert only(json.dumps({"playlist": {"track": [{"identifier": [said], "title": "x"}]}})).sha256 == "ab" * 32


@pytest.mark.parametrize(
    ("said", "encoding"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("windows-1252", "windows-1252")],
)
def test_encodings_are_told_apart(said, encoding):
    data = "#EXTM3U\n#EXTINF:1,Søn – Ende\nx.mp3\n".encode(said)
    file = back(data)
    assert (file.encoding, file.lines[0].title) == (encoding, "Søn – Ende")


def test_utf_16_of_the_other_order_and_xml_that_names_it():
    data = '<?xml version="1.0" encoding="UTF-16"?><playlist><trackList><track><title>ä</title></track></trackList></playlist>'
    assert only(codecs.BOM_UTF16_BE + data.encode("utf-16-be")).title == "ä"
    assert only(data.replace("UTF-16", "ISO-8859-1").encode("latin-1")).title == "ä"


@pytest.mark.parametrize(
    "table",
    [
        "Track Name,Artist Name(s),Duration (ms),ISRC\n\"Night, Train\",Ana,185000,us-abc-24-00001\n",
        "\n title ; artist ; time ; isrc\nNight, Train;Ana;3:05;USABC2400001\n",
        "isrc\ttitle\tARTIST\tseconds\nUSABC2400001\tNight, Train\tAna\t185\n",
    ],
)  # fmt: skip
def test_a_table_is_known_by_its_header(table):
    file = back(table)
    [line] = file.lines
    assert (line.title, line.artist, line.duration_ms, line.isrc) == ("Night, Train", "Ana", 185_000, "USABC2400001")
    assert file.form == "csv"


def test_cells_without_a_header_tell_what_they_are():
    file = back(f"Ana,Night Train,3:05\nUSABC2400001\n{ID}\nAna - Solo\n", form="csv")
    first, isrc, named, parted = file.lines
    assert (first.artist, first.title, first.duration_ms) == ("Ana", "Night Train", 185_000)
    assert (isrc.isrc, named.named, parted.artist, parted.title) == ("USABC2400001", ID, "Ana", "Solo")


def test_of_a_row_as_many_cells_are_looked_at_as_a_sheet_has_columns():
    """A row of four million cells would cost half a minute."""
    wide = "," * sheet.MOST_COLUMNS
    assert only(f"Ana,Night Train{wide}3:05\n", form="csv").duration_ms is None
    assert only(f"Ana,Night Train{',x' * tables.MOST_TELLING},3:05\n", form="csv").duration_ms is None
    assert only(f"title{wide}isrc\nNight Train{wide}USABC2400001\n").isrc == ""


def test_of_many_comments_the_last_ones_above_an_address_are_its_own():
    """A million of them would cost seconds, and keep them all in memory."""
    kept = "# nothing\n" * m3u8_files.MOST_ABOVE
    assert only(f"#EXTM3U\n# isrc:USABC2400001\n{kept}x.mp3\n").isrc == ""
    assert only(f"#EXTM3U\n{kept}# isrc:USABC2400001\nx.mp3\n").isrc == "USABC2400001"


def test_a_cell_like_a_formula_is_text():
    assert only("title,artist\n'=HYPERLINK(1),+Ana\n").title == "=HYPERLINK(1)"


def test_the_content_decides_and_not_what_is_said_of_it():
    assert back(out(one(), "xspf"), form="csv").form == "xspf"
    assert back("a,b\n", form="csv").form == "csv"
    assert refused("a,b\n") == "PLAYLIST_FORMAT"


# --- Bad input ----------------------------------------------------------------------------------------------------
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"\xef\xbb\xbf \r\n", "EMPTY_FILE"),
        (b"\x00\x01\x02", "PLAYLIST_ENCODING"),
        (b"#EXTM3U\nfoo\x00bar.mp3", "PLAYLIST_ENCODING"),
        (b"ID3\x04\x00\x00\x81\x8d\xff\xfb\x90d\x00", "PLAYLIST_ENCODING"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8a", "PLAYLIST_ENCODING"),
        (b"hello", "PLAYLIST_FORMAT"),
        (b"<html><body>no</body></html>", "PLAYLIST_FORMAT"),
        (b'<playlist xmlns="http://other.example/"/>', "PLAYLIST_FORMAT"),
        (b"<playlist><trackList>", "PLAYLIST_FORMAT"),
        (b'<?xml version="1.0" encoding="no-such"?><playlist/>', "PLAYLIST_FORMAT"),
        (b'<?xml version="1.0" encoding="shift_jis"?><playlist/>', "PLAYLIST_FORMAT"),
        (f"{BOMB}]><playlist><title>&a11;</title></playlist>".encode(), "PLAYLIST_FORMAT"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><playlist><title>&a;</title></playlist>', "PLAYLIST_FORMAT"),
        (b'<!DOCTYPE x SYSTEM "http://169.254.169.254/"><playlist/>', "PLAYLIST_FORMAT"),
        (b"<playlist>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</playlist>", "PLAYLIST_FORMAT"),
        (b"<playlist " + b" ".join(b"a%d=''" % n for n in range(40_000)) + b"/>", "PLAYLIST_FORMAT"),
        (b'{"playlist": ' + b"[" * 200_000, "PLAYLIST_FORMAT"),
        (b'{"playlist": []}', "PLAYLIST_FORMAT"),
        (b'{"playlist": {"track": {}}}', "PLAYLIST_FORMAT"),
        (b'{"tracks": []}', "PLAYLIST_FORMAT"),
        (b'{"playlist": {"track": ' + b"9" * 5000 + b"}}", "PLAYLIST_FORMAT"),
        (b'title,artist\n"never closed, Ana\n', "PLAYLIST_FORMAT"),
        (b"title\n" + b"x" * 200_000, "PLAYLIST_FORMAT"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_with_a_reason(data, code):
    assert refused(data) == code


@pytest.mark.parametrize(
    "data",
    [
        "#EXTM3U\n" + "x.mp3\n" * 101,
        "#EXTM3U\n" + "#\n" * 2_102,
        "<playlist><trackList>" + "<track/>" * 101,
        '{"playlist": {"track": [' + ",".join(["{}"] * 101) + "]}}",
        "title\n" + "x\n" * 101,
    ],
    ids=["m3u8", "comments", *FORMS[1:]],
)
def test_more_lines_than_allowed_are_refused_and_as_many_are_not(data):
    assert refused(data, most=100) == "PLAYLIST_TOO_LONG"


def test_exactly_as_many_lines_as_allowed_are_read():
    assert len(back("title\n" + "x\n" * 100, most=100).lines) == 100


def test_facts_of_a_wrong_kind_are_passed_over():
    track = {"title": ["x"], "creator": 5, "duration": "1e400", "location": {"a": 1}, "identifier": [None, {}, 7, "x"]}
    line = only(json.dumps({"playlist": {"title": 7, "track": [track]}}))
    assert line == Line()
    assert [only(json.dumps({"playlist": {"track": [{"duration": d}]}})).duration_ms for d in (-1, 0, True, 1e18)] == [
        None
    ] * 4
    assert only('{"playlist": {"track": [{"duration": NaN}]}}').duration_ms is None
    assert back('{"playlist": {"track": [7, null, "x"]}}').lines == [Line()] * 3


def test_halves_of_characters_and_controls_do_not_come_in():
    assert only('{"playlist": {"track": [{"title": "a\\ud800b\\u0000\\u0007c\\nd"}]}}').title == "abc d"


def test_a_huge_line_is_cut_and_costs_little():
    line = only("#EXTM3U\n#EXTINF:1," + '"' * 3_000_000 + "\n" + "/" * 3_000_000)
    assert len(line.title) <= 500 and len(line.location) <= 2000


def test_blank_lines_cost_no_memory():
    data = b"#EXTM3U\n" + b"\n" * 2_000_000 + b"x.mp3"
    tracemalloc.start()
    assert only(data.decode()).title == "x"
    assert tracemalloc.get_traced_memory()[1] < 6 * len(data)  # as a list of lines: eight times as much, and slow
    tracemalloc.stop()


def test_xml_costs_no_more_memory_than_its_tracks():
    data = b"<playlist><title>x</title>" + b"<extension><a/><b>c</b></extension>" * 60_000 + b"</playlist>"
    back(data)
    tracemalloc.start()
    assert back(data).title == "x"
    assert tracemalloc.get_traced_memory()[1] < 6 * len(data)  # with a tree of it: thirty times
    tracemalloc.stop()


signs = st.sampled_from(
    [b"#EXTM3U\n", b"#EXTINF:", b"<playlist>", b'<?xml version="1.0" encoding="', b'{"playlist":', b'{"track":[', b"title,",
     codecs.BOM_UTF16_LE, codecs.BOM_UTF8, b"<!DOCTYPE", b"&a;", b'"', b",", b"\n", b"/tracks/", b"http://[", b"%ff%"]
)  # fmt: skip


@example_settings(max_examples=400, deadline=None)
@given(data=st.lists(signs | st.binary(max_size=20), max_size=12).map(b"".join), form=st.sampled_from(["", *FORMS]))
@example(data=b"http://[::1\n/x", form="m3u8")
def test_readers_raise_nothing_but_refusals(data, form):
    try:
        file = read(data, form=form, most=50)
    except Refusal:
        return
    for line in file.lines:
        "".join([line.title, line.artist, line.location]).encode()
        assert "\0" not in line.title + line.artist + line.location
        assert len(line.title) <= 500 and len(line.location) <= 2000 and len(line.isrc) in (0, 12)
