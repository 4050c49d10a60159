import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.catalog.models import Track
from apps.uploads import intake
from apps.uploads.models import Upload
from tests.doors.desk import make_refused
from tests.make import audio

pytestmark = pytest.mark.django_db


def a_file(content: bytes | None = None, name: str = "Low Sun.wav") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, audio() if content is None else content, content_type="audio/wav")


def test_uploading_asks_for_sign_in_first_and_comes_back(client):
    answer = client.get("/upload")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in?next=/upload")
    assert client.post("/upload", {"file": a_file()}).status_code == 302
    assert not Upload.objects.exists()


def test_the_page_tells_its_script_the_address_and_the_limit(as_, ana, settings):
    settings.UPLOAD_MAX_BYTES = 3 * 1024 * 1024
    shown = as_(ana).get("/upload").content.decode()
    assert 'data-api="/api/v1/uploads"' in shown
    assert 'data-limit="3145728"' in shown
    assert 'data-too-large="The file is larger than 3MB."' in shown
    assert "up to 3 MB" in shown


def test_without_scripts_a_sent_file_becomes_a_track_and_leads_to_it(as_, ana):
    answer = as_(ana).post("/upload", {"file": a_file(), "title": "Evening", "is_public": "on"})
    track = Track.objects.get()
    assert answer["Location"] == f"/tracks/{track.pk}"
    assert (track.owner, track.title, track.is_public, track.status) == (ana, "Evening", True, "ready")


def test_without_a_title_the_file_names_the_track_and_the_switch_keeps_it_private(as_, ana, bob):
    as_(ana).post("/upload", {"file": a_file()})
    track = Track.objects.get()
    assert track.title == "Low Sun"
    assert not Track.objects.visible_to(bob).exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"MZ this is no music" * 50, "Invalid audio format"), (b"", "The file is empty"), (b"x" * 2000, "larger than")],
)
def test_a_refused_file_comes_back_with_the_rules_own_words(as_, ana, settings, content, words):
    settings.UPLOAD_MAX_BYTES = 1500
    answer = as_(ana).post("/upload", {"file": a_file(content), "title": "Evening"})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert 'value="Evening"' in answer.content.decode()
    assert not Track.objects.exists()


def test_sending_nothing_asks_for_a_file(as_, ana):
    answer = as_(ana).post("/upload", {"title": "Evening"})
    assert answer.status_code == 400
    assert "Choose a file first." in answer.content.decode()


def test_a_refused_form_says_what_to_do_and_the_page_what_is_left_today(as_, ana, settings):
    settings.UPLOAD_QUOTA = {"free": 3_000_000}
    shown = as_(ana).post("/upload", {"file": a_file(b"MZ this is no music" * 50)}).content.decode()
    assert "Save it as MP3, WAV or FLAC" in shown
    assert "left. The count begins anew on" in shown and "00:00 UTC" in shown and 'max="3000000"' in shown


def begun(user, **facts) -> Upload:
    return intake.begin(user=user, way="tus", size=5000, file_name="Low Sun.wav", **facts)


def test_ones_uploads_are_listed_with_what_to_do_and_nobody_elses(as_, ana, bob):
    make_refused(ana, file_name="notes.txt")
    begun(ana)
    begun(bob, title="Not Ana's")
    as_(ana).post("/upload", {"file": a_file(), "title": "Evening"})
    shown = as_(ana).get("/uploads").content.decode()
    assert [name in shown for name in ("notes.txt", "Low Sun.wav", "Evening")] == [True] * 3
    assert "Not Ana" not in shown
    assert "Save it as MP3, WAV or FLAC" in shown and "choose the same file on the upload page" in shown
    track = Track.objects.get()
    assert f'href="/feed?new={track.pk}#new"' in shown and f'href="/tracks/{track.pk}#add-to"' in shown


def test_the_list_asks_the_database_no_more_for_more_uploads(as_, ana, django_assert_max_num_queries):
    client = as_(ana)
    client.get("/uploads")
    for _ in range(8):
        begun(ana)
    with django_assert_max_num_queries(14):
        client.get("/uploads")


def test_cancelling_gives_the_quota_back_and_is_the_persons_alone(as_, ana, bob):
    upload = begun(ana)
    assert as_(bob).post(f"/uploads/{upload.pk}/cancel").status_code == 404
    assert as_(ana).post(f"/uploads/{upload.pk}/cancel")["Location"] == "/uploads"
    upload.refresh_from_db()
    assert (upload.state, upload.error_code, upload.reserved_bytes) == ("refused", "TERMINATED", 0)


def test_what_is_over_already_is_not_cancelled_and_the_page_says_so(as_, ana):
    client = as_(ana)
    client.post("/upload", {"file": a_file()})
    answer = client.post(f"/uploads/{Upload.objects.get().pk}/cancel", follow=True)
    assert "Remove the track" in answer.content.decode()
    assert Upload.objects.get().state == "checked"
    refused = make_refused(ana)
    assert client.post(f"/uploads/{refused.pk}/cancel", follow=True).status_code == 200
