"""What stands in the way back."""

import pytest
from django.db.migrations.exceptions import IrreversibleError

from apps.social import wayback
from apps.social.models import Post
from tests.make import make_track


@pytest.mark.django_db
def test_an_empty_house_may_go_back():
    assert wayback.obstacles() == []
    wayback.refuse()


def test_a_post_of_an_upload_cannot_be_said_in_the_old_shape(ana):
    """S0-34: refused with a list."""
    posts = [Post.objects.create(author=ana, post_type="audio", track=make_track(ana)) for _ in range(7)]
    ((what, count, keys),) = wayback.obstacles()
    assert (count, len(keys)) == (7, wayback.SHOWN)
    assert set(keys) <= {str(post.pk) for post in posts}
    with pytest.raises(IrreversibleError, match=f"7 {what}: .*, …"):
        wayback.refuse()


def test_what_is_hidden_would_be_shown_again(ana):
    post = Post.objects.create(author=ana, post_type="text", content="Hush")
    Post.machine.move(post, "hidden")
    assert wayback.obstacles() == [
        ("hidden or removed posts, which the old shape would show to all", 1, [str(post.pk)])
    ]


@pytest.mark.django_db
def test_every_key_to_tracks_is_either_gone_along_with_or_in_the_way():
    """A new table with a key to tracks is in the way until somebody says that its rows go along."""
    asked = {table for what, _ in wayback._elsewhere() for table in [what.split(" in ")[1].split(" (")[0]]}
    known = set(wayback.GO_ALONG) | wayback.ASKED_APART
    tables = {table for table, *_ in wayback.keys_to_tracks()}
    assert asked | known >= tables and not asked & known
    assert {"catalog_credit", "catalog_changesetrow", "catalog_track", "uploads_upload"} <= asked
