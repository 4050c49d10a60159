import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.catalog.models import FormerFile, Track
from tests.make import audio, make_playable

pytestmark = pytest.mark.django_db


def send(client, track: Track, body: bytes, name: str = "<b>new.flac"):
    return client.post(f"/tracks/{track.pk}/audio", {"file": SimpleUploadedFile(name, body)})


def test_the_audio_is_replaced_and_put_back_without_scripts(as_, ana):
    track, client = make_playable(ana), as_(ana)
    page = f"/tracks/{track.pk}/audio"
    assert "Nothing was replaced yet." in client.get(page).content.decode()
    answer = send(client, track, audio("flac", 3.0, seed=9))
    assert (answer.status_code, answer["Location"]) == (302, page)
    shown = client.get(page).content.decode()
    former = FormerFile.objects.get()
    assert "The audio is replaced." in shown and f"{page}/{former.pk}/restore" in shown
    assert "Replaced <time" in shown and "just now</time>" in shown
    assert client.post(f"{page}/{former.pk}/restore").status_code == 302
    shown = client.get(page).content.decode()
    assert "The former audio is back." in shown and "<b>new" not in shown and "&lt;b&gt;new" in shown
    assert track.files.get(role="original").blob.mime == "audio/wav"


def test_a_file_that_is_refused_is_told_on_the_form(as_, ana):
    track = make_playable(ana)
    told = {b"words" * 99: ("Invalid audio format", "Save it as MP3, WAV or FLAC"), b"": ("The file is empty", "")}
    for body, words in told.items():
        answer = send(as_(ana), track, body)
        shown = answer.content.decode()
        assert answer.status_code == 400 and all(said in shown for said in words)
        assert "up to 50 MB" in shown
    missing = as_(ana).post(f"/tracks/{track.pk}/audio")
    assert missing.status_code == 400 and "Choose a file first." in missing.content.decode()


def test_the_same_audio_again_is_told_and_changes_nothing(as_, ana):
    track, client = make_playable(ana), as_(ana)
    send(client, track, audio("wav"))
    assert "It is this audio already." in client.get(f"/tracks/{track.pk}/audio").content.decode()
    assert not FormerFile.objects.exists()


def test_only_who_may_change_the_track_gets_in(as_, ana, bob, mod):
    track = make_playable(ana)
    statuses = [as_(person).get(f"/tracks/{track.pk}/audio").status_code for person in (None, bob, ana, mod)]
    assert statuses == [302, 403, 200, 200]
