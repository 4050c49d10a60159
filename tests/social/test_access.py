"""Who sees what people say: shown ones everybody, hidden ones their author and moderators, removed ones staff."""

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.social.access import may_show
from apps.social.models import Comment, Post, Report
from tests.make import make_comment, make_post, make_track

pytestmark = pytest.mark.django_db


@pytest.fixture
def said(ana, bob):
    """A post of Ana's in each state, with a comment of Bob's below it."""
    posts = {state: make_post(ana, state) for state in ("shown", "hidden", "removed")}
    for state, post in posts.items():
        make_comment(post, bob)
        if state != "shown":
            Post.machine.move(post, state)
    return posts


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        (None, {"shown"}),
        ("bob", {"shown"}),
        ("ana", {"shown", "hidden"}),
        ("mod", {"shown", "hidden", "removed"}),
        ("boss", {"shown", "hidden", "removed"}),
    ],
)
def test_who_sees_which_post_and_with_it_its_comments(request, said, who, sees):
    viewer = request.getfixturevalue(who) if who else AnonymousUser()
    assert {post.content for post in Post.objects.visible_to(viewer)} == sees
    assert {comment.post.content for comment in Comment.objects.visible_to(viewer)} == sees


def test_only_the_author_changes_what_they_said(ana, bob, mod, said):
    assert {post.content for post in Post.objects.editable_by(ana)} == {"shown", "hidden"}
    for other in (bob, mod, AnonymousUser()):
        assert not Post.objects.editable_by(other).exists()
    assert {comment.post.content for comment in Comment.objects.editable_by(bob)} == {"shown"}


def test_a_comment_has_a_state_of_its_own(ana, bob):
    post = make_post(ana)
    Comment.machine.move(make_comment(post, bob), "hidden")
    assert Comment.objects.visible_to(bob).exists() and not Comment.objects.visible_to(ana).exists()


def test_nobody_likes_or_answers_what_not_everybody_reads(ana, mod, said):
    for person in (ana, mod):
        assert {post.content for post in Post.objects.open_to(person)} == {"shown"}
    assert not Post.objects.open_to(AnonymousUser()).exists()


def test_moderators_alone_see_what_was_reported_by_others(ana, bob, mod, said):
    Report.objects.create(by=bob, post=said["shown"], reason="spam")
    assert Report.objects.visible_to(mod).exists() and Report.objects.visible_to(bob).exists()
    assert not Report.objects.visible_to(ana).exists()


def test_own_and_public_tracks_may_be_shown(ana, bob):
    private, public = make_track(ana, is_public=False), make_track(ana)
    assert may_show(ana, private) and may_show(bob, public) and not may_show(bob, private)
