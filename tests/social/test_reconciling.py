"""The figures of an empty house and of new posts; of moved ones: tests/moves."""

import pytest

from apps.social import reconciling
from apps.social.models import Post
from apps.social.separation import Unfinished
from tests.make import make_track

pytestmark = pytest.mark.django_db


def test_an_empty_house_holds():
    verified = reconciling.verify()
    assert verified.holds and not any(verified.posts.values()) and not any(verified.entries.values())


def test_new_posts_are_none_of_the_moved_ones(ana):
    Post.objects.create(author=ana, post_type="audio", track=make_track(ana))
    Post.objects.create(author=ana, post_type="text", content="Hello")
    verified = reconciling.verify()
    assert verified.holds
    assert (verified.posts["of_tracks_since"], verified.posts["text"], verified.posts["moved"]) == (1, 1, 0)
    assert reconciling.report()["in the way of going back"][0]["rows"] == 1


def test_there_is_no_plan_for_what_has_begun():
    with pytest.raises(Unfinished):
        reconciling.plan()
