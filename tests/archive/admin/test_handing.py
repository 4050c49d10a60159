"""The form by which staff hand in a file."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.accounts import actions as people
from tests.archive.test_admin import ASSETS, make_asset
from tests.make import audio

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(asset) -> str:
    return f"{ASSETS}{asset.pk}/hand-in/"


def send(client, asset, data: bytes | None = None, **facts):
    file = SimpleUploadedFile("song.mp3", audio("mp3") if data is None else data)
    return client.post(page_of(asset), {"file": file, **facts}, follow=True)


def test_the_page_of_a_lost_file_leads_to_the_form_and_the_form_archives_it(desk, ana):
    asset = make_asset(ana, "lost")
    assert page_of(asset) in desk.get(f"{ASSETS}{asset.pk}/change/").content.decode()
    assert "Hand in the file" in desk.get(page_of(asset)).content.decode()
    answer = send(desk, asset)
    assert "It is archived." in " ".join(map(str, answer.context["messages"]))
    asset.refresh_from_db()
    assert asset.state == "archived"
    assert page_of(asset) not in desk.get(f"{ASSETS}{asset.pk}/change/").content.decode()


def test_what_is_wrong_with_a_file_stands_beside_the_field(desk, ana):
    asset = make_asset(ana, "lost")
    asset.track.duration_ms = 60_000
    asset.track.save(update_fields=["duration_ms"])
    for data, words in ((b"<html>", ""), (None, "The sound has 2.0 s instead of 60.0 s.")):
        answer = send(desk, asset, data)
        assert answer.status_code == 400
        (said,) = answer.context["form"].errors["file"]
        assert words in said
    assert desk.post(page_of(asset), {}).context["form"].errors["file"] == ["Choose a file first."]
    asset.refresh_from_db()
    assert asset.state == "lost"
    assert "It is archived." in " ".join(map(str, send(desk, asset, any_length="on").context["messages"]))


def test_a_second_one_and_one_beyond_the_limit_are_refused(desk, ana, settings):
    asset = make_asset(ana, "lost")
    settings.FETCH_MAX_BYTES = {**settings.FETCH_MAX_BYTES, "audio": 1000}
    assert "1,000 are allowed" in send(desk, asset).context["form"].errors["file"][0]
    settings.FETCH_MAX_BYTES = {**settings.FETCH_MAX_BYTES, "audio": 10_000_000}
    send(desk, asset)
    assert "archived already" in send(desk, asset).context["form"].errors["file"][0]


def test_who_may_not_run_the_archive_hands_in_nothing(desk, client, mod, ana):
    asset = make_asset(ana, "lost")
    client.force_login(ana)
    assert send(client, asset).status_code in (403, 404)
    people.withdraw(user=mod, role="moderator", by=None)
    assert send(desk, asset).status_code in (403, 404)
    asset.refresh_from_db()
    assert asset.state == "lost"
