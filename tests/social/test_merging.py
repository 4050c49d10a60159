"""Posts and tracks that become one (decision 0038)."""

import pytest

from apps.catalog import changesets, merging
from apps.social import actions
from apps.social.models import Post
from tests.catalog.test_merging import FACTS, merged, pair_of, undone, worked
from tests.make import make_post, make_track

pytestmark = pytest.mark.django_db


def shows() -> dict[str, object]:
    return dict(Post.objects.values_list("content", "track"))


@pytest.fixture
def two(ana):
    return [make_track(ana, **FACTS) for _ in range(2)]


def test_posts_show_the_track_that_stays_and_the_other_again_when_it_is_undone(ana, bob, mod, two):
    keep, lose = two
    make_post(ana, "of the one", track=keep)
    make_post(bob, "of the other", track=lose)
    actions.remove(post=make_post(bob, "taken back", track=lose))
    before = shows()
    changeset = merged(pair_of(*two), mod, keep=keep.pk)
    assert set(shows().values()) == {keep.pk}
    later = make_post(bob, "later", track=keep)
    undone(changeset, mod)
    assert shows() == {**before, "later": keep.pk} and later.track_id == keep.pk


def test_a_post_that_came_behind_the_preview_is_not_left_behind(ana, bob, mod, two):
    keep, lose = two
    changeset = merging.ask(pair=pair_of(*two), keep=keep.pk, facts=(), by=mod)
    worked(changeset)
    make_post(bob, "too late", track=lose)
    changesets.apply(changeset=changeset, by=mod)
    worked(changeset)
    assert changeset.error_code == "CHANGED_SINCE" and shows() == {"too late": lose.pk}
    changesets.preview_again(changeset=changeset, by=mod)
    worked(changeset)
    changesets.apply(changeset=changeset, by=mod)
    worked(changeset)
    assert changeset.state == "applied" and shows() == {"too late": keep.pk}
