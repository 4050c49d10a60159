"""`/api/v1/uploads/tus` by a small client of the protocol: breaks, doubles, two devices, and nothing lost or counted twice."""

import base64
import hashlib
import io
import uuid

import pytest
from django.conf import settings as django_settings
from rest_framework.test import APIClient

from apps.uploads import intake, pieces, quota
from apps.uploads import tus as tus_rules
from apps.uploads.models import Check, Upload
from tests.lib.threads import side_by_side
from tests.make import audio, make_key, make_playable, make_user

pytestmark = pytest.mark.django_db

URL = "/api/v1/uploads/tus"
SONG = audio("wav")


def coded(**words: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in words.items())


def checksum(data: bytes, name: str = "sha1") -> str:
    return f"{name} {base64.b64encode(hashlib.new(name, data).digest()).decode()}"


class Tus:
    """Says the version with every request."""

    def __init__(self, client):
        self.client = client

    def ask(self, method: str, where: str, data: bytes = b"", **headers):
        said = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): str(v) for name, v in headers.items()}}
        kind = said.pop("Content-Type", "application/offset+octet-stream" if data else "")
        said = {name: value for name, value in said.items() if value != "None"}
        answer = self.client.generic(method, where, data, content_type=kind, headers=said)
        assert answer["Tus-Resumable"] == "1.0.0"
        return answer

    def begin(self, size: int = len(SONG), data: bytes = b"", words: dict | None = None, **headers):
        said = coded(**{"filename": "Blue Hour.wav", **(words or {})})
        return self.ask("POST", URL, data, Upload_Length=size, Upload_Metadata=said, **headers)

    def begun(self, size: int = len(SONG), **more) -> str:
        answer = self.begin(size, **more)
        assert answer.status_code == 201, answer.content
        return answer["Location"]

    def send(self, where: str, data: bytes, at: int, **headers):
        return self.ask("PATCH", where, data, Upload_Offset=at, **headers)

    def cut_off(self, where: str, data: bytes, at: int, *, after: int, **headers):
        """A piece whose connection ends after so many of its bytes."""
        there = {"wsgi.input": io.BytesIO(data[:after]), "CONTENT_LENGTH": str(len(data))}
        said = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(at), **headers}
        return self.client.generic("PATCH", where, b"-", content_type=tus_rules.PIECE, headers=said, **there)

    def offset(self, where: str) -> int:
        answer = self.ask("HEAD", where)
        assert answer.status_code == 200, answer.status_code
        return int(answer["Upload-Offset"])


@pytest.fixture
def tus(as_, ana) -> Tus:
    return Tus(as_(ana))


def row(where: str) -> Upload:
    return Upload.objects.get(pk=where.rpartition("/")[2])


def refused(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_file_in_pieces_is_the_file(tus, ana):
    where = tus.begun(words={"title": "Blue", "genre": "Dub", "is_public": "", "mood": "calm,warm"})
    assert row(where).received_bytes == 0 and tus.offset(where) == 0
    for at in range(0, len(SONG), 100_000):
        answer = tus.send(where, SONG[at : at + 100_000], at)
        assert answer.status_code == 204
        assert int(answer["Upload-Offset"]) == min(at + 100_000, len(SONG))
    upload = row(where)
    assert (upload.state, upload.way, upload.user) == ("received", "tus", ana)
    assert (upload.sha256, upload.received_bytes) == (hashlib.sha256(SONG).hexdigest(), len(SONG))
    assert intake.spooled(upload).read_bytes() == SONG
    assert Check.objects.get(upload=upload).state == "due"
    assert tus.offset(where) == len(SONG)


def test_what_was_announced_is_told_when_asked(tus):
    where = tus.begun(1000, words={"title": "Blå"})
    answer = tus.ask("HEAD", where)
    assert (answer["Upload-Length"], answer["Upload-Offset"]) == ("1000", "0")
    assert answer["Upload-Metadata"] == coded(filename="Blue Hour.wav", title="Blå")
    assert answer["Upload-Expires"].endswith(" GMT") and "no-store" in answer["Cache-Control"]


def test_options_tell_what_is_spoken(tus):
    for where in (URL, tus.begun()):
        answer = tus.ask("OPTIONS", where, Tus_Resumable="9.9.9")
        assert (answer.status_code, answer["Tus-Version"]) == (204, "1.0.0")
        assert answer["Tus-Max-Size"] == str(django_settings.UPLOAD_MAX_BYTES)


def test_another_version_is_refused_before_anything_is_done(tus):
    where = tus.begun()
    for method in ("POST", "HEAD", "PATCH", "DELETE"):
        answer = tus.ask(method, URL if method == "POST" else where, Tus_Resumable="0.2.2", Upload_Length=5)
        assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")
    assert row(where).state == "receiving" and Upload.objects.count() == 1


def test_the_first_bytes_may_come_with_the_announcement(tus):
    part = tus.begin(data=SONG[:5000])
    assert (part.status_code, part["Upload-Offset"]) == (201, "5000")
    assert tus.send(part["Location"], SONG[5000:], 5000).status_code == 204
    whole = tus.begin(data=SONG)
    assert (whole["Upload-Offset"], whole.json()["state"]) == (str(len(SONG)), "received")
    assert {each.sha256 for each in Upload.objects.all()} == {hashlib.sha256(SONG).hexdigest()}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content_Type": "text/plain"}, 415), ({"Upload_Checksum": "crc32 AAAA"}, 400), ({"Upload_Length": 5}, 413)],
)
def test_first_bytes_that_cannot_be_taken_begin_nothing(tus, headers, status):
    said = {"Upload_Length": len(SONG), **headers}
    answer = tus.ask("POST", URL, SONG[:10], **said)
    assert (answer.status_code, Upload.objects.exists()) == (status, False)


def test_first_bytes_that_came_damaged_are_told_where_to_go_on(tus):
    answer = tus.begin(data=SONG[:1000], Upload_Checksum=checksum(b"other"))
    assert refused(answer) == (460, "CHECKSUM_MISMATCH")
    assert tus.offset(answer["Location"]) == 0


@pytest.mark.parametrize(
    ("size", "headers", "status", "code"),
    [
        ("x", {}, 400, "INVALID"), (-1, {}, 400, "INVALID"), (0, {}, 400, "EMPTY_FILE"), (None, {}, 400, "INVALID"),
        (50 * 1024 * 1024 + 1, {}, 413, "FILE_TOO_LARGE"), (10**17, {}, 413, "FILE_TOO_LARGE"),
        (5, {"Upload_Metadata": "title ???"}, 400, "INVALID"),
        (None, {"Upload_Defer_Length": 1}, 400, "INVALID"),
    ],
)  # fmt: skip
def test_what_cannot_become_a_track_is_refused_before_a_byte(tus, size, headers, status, code):
    answer = tus.ask("POST", URL, Upload_Length=size, **headers)
    assert refused(answer) == (status, code)
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "words", [{"title": "x" * 300}, {"key": "H"}, {"tempo": "fast"}, {"replaces": "me"}, {"sha256": "abc"}]
)
def test_bad_words_are_refused_before_a_byte(tus, words):
    assert refused(tus.begin(words=words)) == (400, "INVALID")
    assert not Upload.objects.exists()


def test_words_that_nobody_knows_are_no_reason_to_refuse(tus):
    where = tus.begun(words={"relativePath": "null", "owner": str(uuid.uuid4()), "state": "ready", "tempo": ""})
    assert row(where).state == "receiving"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\r\nSet-Cookie: x", "\u202egnp.wav", "x\x00y", "x" * 2000, ""])
def test_a_hostile_file_name_reaches_no_path(tus, name):
    upload = row(tus.begun(words={"filename": name}))
    assert not set("/\\\r\n\x00\u202e") & set(upload.file_name) and 0 < len(upload.file_name) <= 255
    assert intake.spooled(upload).name == str(upload.pk)


@pytest.mark.parametrize("at", [0, 99, 101, 1000])
def test_a_piece_that_does_not_follow_is_refused_and_changes_nothing(tus, at):
    where = tus.begun()
    tus.send(where, SONG[:100], 0)
    assert refused(tus.send(where, SONG[100:200], at)) == (409, "OFFSET_CONFLICT")
    assert tus.offset(where) == 100
    assert tus.send(where, SONG[100:], 100).status_code == 204
    assert row(where).sha256 == hashlib.sha256(SONG).hexdigest()


def test_more_than_was_announced_is_refused_unread(tus):
    where = tus.begun(100)
    tus.send(where, SONG[:40], 0)
    assert refused(tus.send(where, SONG[40:200], 40)) == (413, "TOO_LARGE")
    assert tus.offset(where) == 40


@pytest.mark.parametrize("kind", ["application/octet-stream", "multipart/form-data; boundary=x", "text/plain"])
def test_a_piece_of_another_type_is_refused(tus, kind):
    where = tus.begun()
    assert refused(tus.send(where, SONG, 0, Content_Type=kind)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert tus.offset(where) == 0


@pytest.mark.parametrize("name", ["sha1", "sha256", "md5"])
def test_a_piece_with_a_checksum_counts_when_it_matches(tus, name):
    where = tus.begun()
    tus.send(where, SONG[:500], 0)
    wrong = tus.send(where, SONG[500:900], 500, Upload_Checksum=checksum(b"other", name))
    assert refused(wrong) == (460, "CHECKSUM_MISMATCH")
    assert tus.offset(where) == 500
    assert refused(tus.send(where, b"x", 500, Upload_Checksum="crc32 AAAA"))[0] == 400
    assert tus.send(where, SONG[500:], 500, Upload_Checksum=checksum(SONG[500:], name)).status_code == 204
    assert row(where).sha256 == hashlib.sha256(SONG).hexdigest()


def test_the_checksum_of_the_whole_is_held_against_the_whole(tus):
    good = tus.begun(words={"sha256": hashlib.sha256(SONG).hexdigest().upper()})
    assert tus.send(good, SONG, 0).status_code == 204
    bad = tus.begun(words={"sha256": hashlib.sha256(b"").hexdigest()})
    assert refused(tus.send(bad, SONG, 0)) == (460, "CHECKSUM_MISMATCH")
    assert (row(bad).state, row(bad).reserved_bytes) == ("refused", 0)
    assert tus.ask("HEAD", bad).status_code == 410


@pytest.mark.parametrize("tenth", range(10))
def test_an_upload_that_breaks_off_goes_on_where_it_broke(tus, tenth):
    """Also in a process that has not seen the beginning."""
    where, cut = tus.begun(), len(SONG) * tenth // 10
    assert refused(tus.cut_off(where, SONG, 0, after=cut)) == (408, "BROKEN_OFF")
    pieces.running = pieces.Running()
    assert tus.offset(where) == cut
    assert tus.send(where, SONG[cut:], cut).status_code == 204
    assert row(where).sha256 == hashlib.sha256(SONG).hexdigest()
    assert intake.spooled(row(where)).read_bytes() == SONG


def test_who_ends_an_upload_has_the_quota_back(tus, ana, django_capture_on_commit_callbacks):
    where = tus.begun()
    tus.send(where, SONG[:100], 0)
    path = intake.spooled(row(where))
    assert path.exists() and quota.standing(ana).used == len(SONG)
    with django_capture_on_commit_callbacks(execute=True):
        assert tus.ask("DELETE", where).status_code == 204
    assert quota.standing(ana).used == 0
    assert (row(where).error_code, row(where).reserved_bytes, path.exists()) == ("TERMINATED", 0, False)
    for again in (tus.ask("DELETE", where), tus.ask("HEAD", where), tus.send(where, SONG, 0)):
        assert again.status_code == 410


def test_what_is_whole_is_not_ended_but_a_track(tus):
    where = tus.begun(data=SONG)
    assert refused(tus.ask("DELETE", where)) == (409, "CONFLICT")
    assert row(where).state == "received"
    assert tus.send(where, b"", len(SONG), Content_Type="application/offset+octet-stream").status_code == 204


def test_an_upload_whose_time_is_over_is_gone(tus):
    where = tus.begun()
    Upload.objects.update(expires_at="2020-01-01T00:00Z")
    assert refused(tus.send(where, SONG, 0)) == (410, "EXPIRED")
    assert tus.ask("HEAD", where).status_code == 410


def test_post_may_mean_another_method(tus):
    where = tus.begun()
    meant = {"X_HTTP_Method_Override": "PATCH"}
    assert tus.ask("POST", where, SONG[:10], Upload_Offset=0, **meant).status_code == 204
    assert tus.ask("POST", where, X_HTTP_Method_Override="HEAD")["Upload-Offset"] == "10"
    assert tus.ask("POST", where).status_code == 405
    assert tus.ask("GET", where, X_HTTP_Method_Override="DELETE").status_code == 405
    assert tus.ask("POST", where, X_HTTP_Method_Override="DELETE").status_code == 204


def test_uploads_are_their_persons_alone(tus, as_, bob, boss):
    where = tus.begun()
    for person, status in ((bob, 404), (boss, 403), (None, 401)):
        other = Tus(as_(person))
        for method in ("HEAD", "PATCH", "DELETE"):
            assert other.ask(method, where, Upload_Offset=0).status_code == status, (person, method)
    assert tus.offset(where) == 0


@pytest.mark.parametrize("way", ["form", "direct"])
def test_what_comes_in_another_way_is_not_there(tus, way):
    where = tus.begun()
    Upload.objects.update(way=way)
    for method in ("HEAD", "PATCH", "DELETE"):
        assert tus.ask(method, where, Upload_Offset=0, Content_Type=tus_rules.PIECE).status_code == 404


def test_a_page_needs_its_csrf_token_and_a_key_its_scope(as_, ana):
    page = APIClient(enforce_csrf_checks=True)
    page.force_login(ana)
    assert Tus(page).begin().status_code == 403
    page.get("/upload")
    token = page.cookies["csrftoken"].value
    where = Tus(page).begun(X_CSRFToken=token)
    assert Tus(page).send(where, SONG, 0).status_code == 403
    assert Tus(page).send(where, SONG, 0, X_CSRFToken=token).status_code == 204
    nobody = Tus(as_(None))
    reading, uploading = (f"Bearer {make_key(ana, scope)}" for scope in ("read", "upload"))
    assert nobody.begin(Authorization=reading).status_code == 403
    where = nobody.begun(Authorization=uploading)
    assert nobody.ask("HEAD", where, Authorization=uploading).status_code == 200
    assert nobody.send(where, SONG, 0, Authorization=uploading).status_code == 204


def test_an_announcement_said_twice_is_one_upload(tus):
    """The answer to the first may have been lost on its way."""
    first = tus.begin(Idempotency_Key="one")
    again = tus.begin(data=SONG[:100], Idempotency_Key="one")
    assert (again.status_code, again["Location"], again["Upload-Offset"]) == (201, first["Location"], "100")
    assert tus.begin(data=SONG[:50], Idempotency_Key="one")["Upload-Offset"] == "100"
    assert refused(tus.begin(7, Idempotency_Key="one")) == (422, "IDEMPOTENCY_MISMATCH")
    assert Upload.objects.count() == 1


def test_a_track_is_replaced_by_who_may_change_it(tus, as_, ana, bob):
    mine = make_playable(ana)
    assert row(tus.begun(words={"replaces": str(mine.pk)})).replaces == mine
    assert Tus(as_(bob)).begin(words={"replaces": str(mine.pk)}).status_code == 403
    mine.is_public = False
    mine.save()
    for track in (mine.pk, uuid.uuid4()):
        assert Tus(as_(bob)).begin(words={"replaces": str(track)}).status_code == 404


def test_pieces_do_not_use_up_the_announcements(tus, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "upload": 1, "piece": 3}
    where = tus.begun()
    assert [tus.send(where, SONG[at : at + 1], at).status_code for at in range(4)] == [204, 204, 204, 429]
    assert refused(tus.begin()) == (429, "RATE_LIMITED")


@pytest.mark.django_db(transaction=True)
def test_two_devices_with_the_same_piece_write_it_once(as_):
    ana = make_user("ana")
    where = Tus(as_(ana)).begun()
    answers = side_by_side(*[lambda: Tus(as_(ana)).send(where, SONG, 0).status_code] * 4)
    assert answers.count(204) == 1 and set(answers) <= {204, 409, 413, 423}
    assert row(where).sha256 == hashlib.sha256(SONG).hexdigest()
    assert intake.spooled(row(where)).read_bytes() == SONG


def test_a_full_disk_loses_nothing_that_was_there(tus, settings):
    where = tus.begun()
    tus.send(where, SONG[:1000], 0)
    settings.SPOOL_RESERVE_BYTES = 1 << 60
    assert refused(tus.send(where, SONG[1000:], 1000)) == (507, "DISK_FULL")
    settings.SPOOL_RESERVE_BYTES = 0
    assert tus.offset(where) == 1000
    assert tus.send(where, SONG[1000:], 1000).status_code == 204


def test_a_piece_with_a_checksum_counts_as_a_whole_or_not_at_all(tus):
    where = tus.begun()
    tus.send(where, SONG[:500], 0)
    said = {"Upload-Checksum": checksum(SONG[500:])}
    assert refused(tus.cut_off(where, SONG[500:], 500, after=9000, **said)) == (408, "BROKEN_OFF")
    assert tus.offset(where) == 500 and intake.spooled(row(where)).stat().st_size == 500
    assert tus.send(where, SONG[500:], 500, **{"Upload-Checksum": said["Upload-Checksum"]}).status_code == 204
    assert row(where).sha256 == hashlib.sha256(SONG).hexdigest()


def test_what_a_killed_server_wrote_beyond_the_row_is_written_over(tus):
    where = tus.begun()
    tus.send(where, SONG[:1000], 0)
    with intake.spooled(row(where)).open("ab") as file:
        file.write(b"never told of")
    pieces.running = pieces.Running()
    assert tus.offset(where) == 1000
    assert tus.send(where, SONG[1000:], 1000).status_code == 204
    assert row(where).sha256 == hashlib.sha256(SONG).hexdigest()
    assert intake.spooled(row(where)).read_bytes() == SONG


def test_what_a_power_cut_took_from_the_file_is_asked_for_again(tus):
    where = tus.begun()
    tus.send(where, SONG[:1000], 0)
    with intake.spooled(row(where)).open("r+b") as file:
        file.truncate(300)
    assert tus.offset(where) == 300
    assert tus.send(where, SONG[300:], 300).status_code == 204
    assert row(where).sha256 == hashlib.sha256(SONG).hexdigest()
