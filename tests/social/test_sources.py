"""A track is added to a playlist by a post that shows it (S0-26)."""

import uuid

import pytest

from apps.lib.errors import Refusal
from apps.playlists import sources
from apps.social.models import Post
from tests.make import make_post, make_track

pytestmark = pytest.mark.django_db


def test_a_post_names_its_track_to_who_sees_the_post(ana, bob):
    track = make_track(ana)
    post = make_post(ana, track=track)
    assert sources.track(bob, {"post_id": post.pk}) == track.pk
    text, hidden = make_post(ana), make_post(ana, track=track)
    Post.machine.move(hidden, "hidden")
    for key in (text.pk, hidden.pk, uuid.uuid4()):
        with pytest.raises(Refusal) as caught:
            sources.track(bob, {"post_id": key})
        assert caught.value.code == "TRACK_NOT_FOUND"
