import json

import pytest

from apps.uploads import api_events, intake
from apps.uploads.models import Upload
from tests.doors.desk import make_refused

pytestmark = pytest.mark.django_db


def events_of(as_, person, upload: Upload):
    return as_(person).get(f"/api/v1/uploads/{upload.pk}/events")


def test_the_stream_tells_the_upload_as_the_api_does_and_ends_when_it_is_over(as_, ana):
    upload = make_refused(ana)
    answer = events_of(as_, ana, upload)
    assert answer["Content-Type"] == "text/event-stream"
    assert answer["Cache-Control"] == "private, no-store"
    retry, event = b"".join(answer).decode().strip().split("\n\n")
    assert retry.startswith("retry: ")
    name, data = event.split("\n")
    assert name == "event: progress"
    assert json.loads(data.removeprefix("data: ")) == as_(ana).get(f"/api/v1/uploads/{upload.pk}").json()


def test_a_strangers_upload_is_not_there_and_takes_no_seat(as_, ana, bob):
    upload = make_refused(ana)
    assert events_of(as_, bob, upload).status_code == 404
    assert events_of(as_, ana, upload).status_code == 200


def test_the_stream_ends_when_the_upload_is_taken_away_meanwhile(as_, ana):
    upload = intake.begin(user=ana, way="tus", size=9, file_name="a.wav")
    lines = iter(events_of(as_, ana, upload))
    assert next(lines).startswith(b"retry") and b'"state": "receiving"' in next(lines)
    Upload.objects.all().delete()
    assert list(lines) == []


def test_who_finds_no_seat_is_sent_to_the_row_itself_and_the_seat_comes_back(as_, ana):
    upload = make_refused(ana)
    first = events_of(as_, ana, upload)
    busy = events_of(as_, ana, upload)
    assert (busy.status_code, busy.json()["code"]) == (429, "EVENTS_BUSY")
    b"".join(first)
    again = events_of(as_, ana, upload)
    assert again.status_code == 200
    b"".join(again)


@pytest.fixture(autouse=True)
def one_seat(monkeypatch):
    monkeypatch.setattr(api_events, "SEATS", api_events.events.Seats(1))
