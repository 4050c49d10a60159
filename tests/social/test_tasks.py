"""Celery's door: one domain call."""

import pytest

from apps.social import tasks
from apps.social.models import Tally
from config.schedule import BEAT
from tests.make import make_post

pytestmark = pytest.mark.django_db


def test_counts_are_folded_every_minute(ana):
    post = make_post(ana)
    Tally.objects.create(post=post, likes=2, comments=0)
    assert tasks.fold() == 1
    post.refresh_from_db()
    assert post.like_count == 2
    assert any(entry["task"] == "social.fold" and entry["schedule"] == 60 for entry in BEAT.values())
