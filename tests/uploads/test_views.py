import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.catalog.models import Track
from apps.uploads.models import Upload
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
