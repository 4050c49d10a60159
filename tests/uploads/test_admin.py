import datetime as dt
import hashlib
import io

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.catalog import derive
from apps.catalog.models import Track
from apps.lib.errors import Refusal
from apps.uploads import actions, checking, intake
from apps.uploads.models import Upload
from tests.make import audio

pytestmark = pytest.mark.django_db

UPLOADS = "/admin/uploads/upload/"


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


@pytest.fixture
def stuck(ana) -> Upload:
    """The track plays, its files are not made."""
    return actions.receive(user=ana, content=io.BytesIO(audio()), file_name="song.wav")


@pytest.fixture
def refused(ana) -> Upload:
    with pytest.raises(Refusal):
        actions.receive(user=ana, content=io.BytesIO(b"words" * 99), file_name="<b>notes</b>.mp3")
    return Upload.objects.get(state="refused")


def press(client: Client, upload: Upload) -> str:
    answer = client.post(f"{UPLOADS}{upload.pk}/finish-now/", follow=True)
    upload.refresh_from_db()
    return " ".join(map(str, answer.context["messages"]))


def test_an_upload_is_shown_with_its_person_reason_and_track(desk, stuck, refused):
    shown = desk.get(UPLOADS).content.decode()
    assert "ana" in shown and "INVALID_FORMAT" in shown and f"/admin/catalog/track/{stuck.track_id}/change/" in shown
    page = desk.get(f"{UPLOADS}{refused.pk}/change/").content.decode()
    assert refused.error_message in page and refused.sha256 in page
    assert "<b>notes" not in shown + page


def test_a_stuck_upload_is_handed_to_a_worker(desk, stuck, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as nudges:
        assert "a worker was woken" in press(desk, stuck)
    assert (stuck.state, len(nudges)) == ("checked", 1)


def test_an_upload_whose_files_are_made_is_ready_at_once(desk, stuck):
    for row in derive.claim(limit=1):
        derive.run(row)
    assert press(desk, stuck) == "The upload is ready."
    assert stuck.state == "ready"


def test_what_is_over_cannot_be_finished(desk, stuck, refused):
    assert "finish-now" not in desk.get(f"{UPLOADS}{refused.pk}/change/").content.decode()
    assert "nothing to finish" in press(desk, refused)
    chosen = {"action": "finish_uploads", "_selected_action": [str(stuck.pk), str(refused.pk)]}
    said = [str(message) for message in desk.post(UPLOADS, chosen, follow=True).context["messages"]]
    assert said == [
        "Finish now: 1 done, 1 refused.",
        f"{refused.file_name}: It is refused: there is nothing to finish.",
    ]


def test_uploads_are_found_by_file_person_and_state(desk, stuck, refused):
    for query, found in (({"q": "song"}, stuck), ({"q": stuck.sha256[:12]}, stuck), ({"state": "refused"}, refused)):
        assert [row.pk for row in desk.get(UPLOADS, query).context["cl"].result_list] == [found.pk]
    assert desk.get(UPLOADS, {"q": "ana@example.org"}).context["cl"].result_count == 2


def make_waiting(ana) -> Upload:
    """Whole, with its check put off by an hour because the disk was full."""
    upload = intake.begin(user=ana, way="tus", size=len(audio()), file_name="song.wav")
    intake.spooled(upload).write_bytes(audio())
    intake.completed(upload, sha256=hashlib.sha256(audio()).hexdigest())
    row = upload.check_row
    later = row.next_at + dt.timedelta(hours=1)
    type(row).objects.update(next_at=later, error_code="DISK_FULL", error_message="No room.", attempts=5)
    return upload


def test_why_a_received_file_waits_is_told_and_it_is_tried_again_at_once(desk, ana):
    upload = make_waiting(ana)
    page = desk.get(f"{UPLOADS}{upload.pk}/change/").content.decode()
    assert "DISK_FULL: No room. Tried 5 times, again at" in page
    assert checking.claim(limit=1) == []
    said = desk.post(f"{UPLOADS}{upload.pk}/retry/", follow=True).context["messages"]
    assert [str(message) for message in said] == ["A worker was woken to try it again."]
    assert checking.run(*checking.claim(limit=1))
    upload.refresh_from_db()
    assert upload.state == "checked"


def test_what_is_refused_is_not_tried_again(desk, refused):
    assert "/retry/" not in desk.get(f"{UPLOADS}{refused.pk}/change/").content.decode()
    said = desk.post(f"{UPLOADS}{refused.pk}/retry/", follow=True).context["messages"]
    assert "nothing to try again" in " ".join(map(str, said))


# --- The library --------------------------------------------------------------------------------------------------
ADD = f"{UPLOADS}add/"


def a_file(content: bytes | None = None, name: str = "Low Sun.wav") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, audio() if content is None else content, content_type="audio/wav")


def test_the_library_has_a_form_and_a_place_in_the_sidebar(desk):
    assert f'href="{ADD}"' in desk.get("/admin/").content.decode()
    shown = desk.get(ADD).content.decode()
    assert 'enctype="multipart/form-data"' in shown and 'name="is_pro_only"' in shown


def test_staff_add_a_track_to_the_library(desk, mod):
    sent = {"file": a_file(), "artist": "The House", "mood": "calm, warm", "is_public": "on", "is_pro_only": "on"}
    answer = desk.post(ADD, sent)
    track = Track.objects.get()
    assert answer["Location"] == f"/admin/catalog/track/{track.pk}/change/"
    assert (track.title, track.owner, track.kind, track.mood) == ("Low Sun", None, "library", ["calm", "warm"])
    assert track.is_pro_only and track.is_public and track.file("original")
    assert LogEntry.objects.get().user == mod


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose a file first."),
        ({"file": b"MZ this is no music" * 50}, "Invalid audio format"),
        ({"file": b""}, "The file is empty"),
        ({"file": None, "title": "x" * 256}, "at most 255 characters"),
        ({"file": None, "mood": "x" * 41}, "at most 40 characters"),
        ({"file": None, "release_date": "soon"}, "Enter a valid date"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form_and_the_words_are_kept(desk, sent, words):
    if "file" in sent:
        sent = {**sent, "file": a_file(sent["file"])}
    answer = desk.post(ADD, {"artist": "The House", **sent})
    shown = answer.content.decode()
    assert answer.status_code == 400 and words in shown and 'value="The House"' in shown
    assert not Track.objects.exists()
