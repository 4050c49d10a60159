"""Former audio on a track's page of the admin."""

import io

import pytest
from django.test import Client

from apps.catalog.models import FormerFile, Track
from apps.uploads import actions
from tests.make import audio, make_playable

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


@pytest.fixture
def replaced(ana) -> Track:
    track = make_playable(ana)
    for seconds, seed, name in ((3.0, 9, "second.flac"), (8.0, 4, "third.flac")):
        body = io.BytesIO(audio("flac", seconds, seed=seed))
        actions.receive(user=ana, content=body, file_name=name, replaces=track)
    return track


def page(track: Track) -> str:
    return f"/admin/catalog/track/{track.pk}/change/"


def test_what_a_track_was_is_listed_with_who_replaced_it(desk, replaced):
    shown = desk.get(page(replaced)).content.decode()
    assert "second.flac" in shown and "0:02" in shown and "ana" in shown
    assert "It lasts 0:08 instead of 0:03." in shown
    assert "put-back" in shown


def test_a_track_that_was_never_replaced_says_nothing_of_it(desk, ana):
    shown = desk.get(page(make_playable(ana))).content.decode()
    assert "former audio" not in shown.lower() and "put-back" not in shown


def test_staff_put_the_last_one_back(desk, replaced):
    address = f"/admin/catalog/track/{replaced.pk}/put-back/"
    assert "becomes the former audio" in desk.get(address).content.decode()
    answer = desk.post(address, follow=True)
    assert "The former audio is back." in " ".join(map(str, answer.context["messages"]))
    assert replaced.files.get(role="original").duration_ms == 3000
    names = FormerFile.objects.order_by("pk").values_list("file_name", flat=True)
    assert list(names) == ["", "third.flac"]
