"""The tag that tells where files stand."""

import pytest

from apps.archive import schedule
from apps.archive.templatetags.archive_words import standings
from tests.make import make_generated

pytestmark = pytest.mark.django_db


def test_files_are_told_to_the_owner_alone(ana, bob):
    track = make_generated(ana)
    schedule.plan_tracks([track])
    assert [each.kind for each in standings({"user": ana}, track)] == ["sound"]
    assert standings({"user": bob}, track) == []
