"""Uploads in the export, and when their person leaves."""

import io

import pytest

from apps.accounts import chapters, departure
from apps.lib.errors import Refusal
from apps.uploads import actions
from apps.uploads.models import Upload
from tests.make import audio

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(ana, bob):
    """Of Ana one that was taken and one that was refused, of Bob one that was taken."""
    with pytest.raises(Refusal):
        actions.receive(user=ana, content=io.BytesIO(b"no music"), file_name="words.txt")
    for user in (ana, bob):
        actions.receive(user=user, content=io.BytesIO(audio("wav", 0.5)), file_name="a.wav")


def test_the_export_tells_of_what_was_taken_and_what_was_refused(ana, sent):
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == "uploads")
    rows = list(chapter.rows(ana))
    assert [(row["file_name"], row["state"], row["error_code"]) for row in rows] == [
        ("words.txt", "refused", "INVALID_FORMAT"), ("a.wav", "checked", "")
    ]  # fmt: skip
    assert rows[1]["track_id"] and "user_id" not in rows[1]


@pytest.mark.parametrize("tracks", ["remove", "library"])
def test_uploads_go_with_their_person(ana, bob, sent, tracks):
    departure.part(user=ana, tracks=tracks)
    assert Upload.objects.get().user == bob
