"""What a track's page says of its audio."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.make import audio, make_playable

pytestmark = pytest.mark.django_db


def test_who_may_change_a_track_is_led_to_another_audio(as_, ana, bob, mod):
    track = make_playable(ana)
    link = f'href="/tracks/{track.pk}/audio"'
    seen = [link in as_(person).get(f"/tracks/{track.pk}").content.decode() for person in (ana, mod, bob, None)]
    assert seen == [True, True, False, False]


def test_what_sounds_different_is_told_to_them_alone(as_, ana, bob):
    track = make_playable(ana, seconds=12.0)
    file = SimpleUploadedFile("new.wav", audio("wav", 16.0))
    as_(ana).post(f"/tracks/{track.pk}/audio", {"file": file})
    said = "It lasts 0:16 instead of 0:12."
    assert said in as_(ana).get(f"/tracks/{track.pk}").content.decode()
    assert said not in as_(bob).get(f"/tracks/{track.pk}").content.decode()
