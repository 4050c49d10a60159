"""What people do with posts (S0-08, S0-23, S0-27)."""

import uuid

import pytest

from apps.catalog import actions as catalog
from apps.lib.errors import Conflict, Forbidden, NotFound, Refusal
from apps.social import actions
from apps.social.models import Post
from tests.make import make_post, make_track

pytestmark = pytest.mark.django_db


def refused(**asked) -> Refusal:
    with pytest.raises(Refusal) as caught:
        actions.publish(**asked)
    assert not Post.objects.exists()
    return caught.value


def test_a_caption_is_trimmed_and_may_be_empty(ana):
    track = make_track(ana)
    for said, kept in (("  on the train \n", "on the train"), ("   ", ""), ("", "")):
        post = actions.publish(author=ana, content=said, track_id=track.pk)
        assert (post.content, post.post_type, post.track) == (kept, "audio", track)


def test_a_text_needs_words(ana):
    for said in ("", " \n\t "):
        assert refused(author=ana, content=said).fields == {"content": ["Write something."]}


@pytest.mark.parametrize("extra", [0, 1, 95_000])
def test_a_text_has_at_most_5000_characters(ana, extra):
    """After trimming, and counted as characters, not bytes."""
    said = f"  {'ä' * (5_000 + extra)}  "
    if extra:
        assert refused(author=ana, content=said).code == "INVALID"
    else:
        assert len(actions.publish(author=ana, content=said).content) == 5_000


@pytest.mark.parametrize("bad", ["a\x00b", "half \ud800", "\udfff"])
def test_what_is_no_text_is_refused(ana, bad):
    refusal = refused(author=ana, content=bad)
    assert (refusal.code, refusal.status) == ("INVALID", 400)


def test_text_is_kept_as_it_was_typed(ana):
    said = "<script>alert('x')</script> & https://example.org?a=1&b=2"
    assert Post.objects.get(pk=make_post(ana, said).pk).content == said


def test_a_track_that_is_not_there_is_not_found(ana):
    gone = make_track(ana)
    catalog.remove(track=gone, by=ana)
    for pk in (uuid.uuid4(), gone.pk):
        refusal = refused(author=ana, track_id=pk)
        assert (refusal.code, refusal.status, refusal.message) == ("TRACK_NOT_FOUND", 404, "Track not found")
        assert isinstance(refusal, NotFound)


def test_somebody_elses_private_track_is_not_shown_to_others(ana, bob, mod):
    """S0-23; also not by staff, who see it."""
    track = make_track(ana, is_public=False)
    for person in (bob, mod):
        refusal = refused(author=person, track_id=track.pk)
        assert isinstance(refusal, Forbidden) and "permission" in refusal.message
    assert actions.publish(author=ana, track_id=track.pk).track == track


def test_a_public_track_of_somebody_else_may_be_posted_often(ana, bob):
    """S0-02."""
    track = make_track(ana)
    posts = [actions.publish(author=bob, track_id=track.pk) for _ in range(2)]
    assert {post.track_id for post in posts} == {track.pk}


def test_a_track_that_is_not_ready_waits(ana):
    track = catalog.create(owner=ana, kind="uploaded", title="Coming")
    refusal = refused(author=ana, track_id=track.pk)
    assert isinstance(refusal, Conflict) and refusal.code == "NOT_READY"


def test_other_words_are_told_as_such_and_the_same_ones_are_not(ana):
    post = make_post(ana, "first")
    assert actions.edit(post=post, by=ana, content=" first ").edited_at is None
    assert actions.edit(post=post, by=ana, content="second").edited_at is not None
    assert Post.objects.get().content == "second"
    with pytest.raises(Refusal):
        actions.edit(post=post, by=ana, content="")


def test_a_caption_may_become_empty(ana):
    post = make_post(ana, "words", track=make_track(ana))
    assert actions.edit(post=post, by=ana, content=" ").content == ""


def test_what_was_removed_meanwhile_gets_no_other_words(ana):
    post, again = make_post(ana), Post.objects.get()
    actions.remove(post=post)
    with pytest.raises(NotFound):
        actions.edit(post=again, by=ana, content="too late")
    with pytest.raises(Conflict):
        actions.remove(post=again)
    assert Post.objects.get().content == "Hello"


def test_words_that_nobody_sees_are_none(ana):
    assert refused(author=ana, content="\u200b\u3164").code == "INVALID"
    assert actions.publish(author=ana, content="\u200b\u2060 ", track_id=make_track(ana).pk).content == ""
    assert actions.publish(author=ana, content="\u200bseen").content == "\u200bseen"
