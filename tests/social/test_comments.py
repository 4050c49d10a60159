"""Comments in threads (S0-11)."""

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.lib.errors import NotFound, Refusal
from apps.social import actions, comments
from apps.social.models import Comment
from tests.make import make_comment, make_post

pytestmark = pytest.mark.django_db


def refused(**asked) -> Refusal:
    before = Comment.objects.count()
    with pytest.raises(Refusal) as caught:
        comments.comment(**asked)
    assert Comment.objects.count() == before
    return caught.value


def shown(post, viewer=None) -> list[tuple[str, bool]]:
    rows = comments.thread(post, viewer or AnonymousUser()).order_by("created_at", "id")
    return [(row.content, row.may_read) for row in rows]


def test_an_answer_stands_one_level_deeper_until_there_are_six(ana, bob):
    """Bad input: 40 levels."""
    post = make_post(ana)
    last = make_comment(post, bob)
    for depth in range(1, comments.DEEPEST + 1):
        last = make_comment(post, ana, parent=last)
        assert last.depth == depth
    for _ in range(2):
        refusal = refused(post=post, by=bob, content="deeper", parent_id=last.pk)
        assert (refusal.code, refusal.status) == ("THREAD_TOO_DEEP", 400) and "parent_id" in refusal.fields
    assert Comment.objects.count() == comments.DEEPEST + 1 == 6


@pytest.mark.parametrize("said", ["", "  \n ", "x" * 2_001, "a\x00"])
def test_what_says_nothing_or_too_much_is_refused(ana, bob, said):
    assert refused(post=make_post(ana), by=bob, content=said).code == "INVALID"


def test_2000_characters_are_fine(ana, bob):
    assert len(make_comment(make_post(ana), bob, f" {'ä' * 2_000} ").content) == 2_000


def test_an_answer_is_to_a_comment_of_this_post_that_is_there(ana, bob):
    post, other = make_post(ana), make_post(ana)
    elsewhere, gone, hidden = make_comment(other, bob), make_comment(post, bob), make_comment(post, bob)
    comments.remove(comment=gone)
    Comment.machine.move(hidden, "hidden")
    for key in (elsewhere.pk, gone.pk, hidden.pk, uuid.uuid4()):
        assert isinstance(refused(post=post, by=ana, content="hm", parent_id=key), NotFound)


def test_threads_hold_when_what_is_answered_goes(ana, bob):
    post = make_post(ana)
    root = make_comment(post, bob, "root")
    answer = make_comment(post, ana, "answer", parent=root)
    make_comment(post, bob, "further", parent=answer)
    lone = make_comment(post, bob, "lone")
    for row in (root, answer, lone):
        comments.remove(comment=row)
    assert shown(post) == [("root", False), ("answer", False), ("further", True)]


def test_a_place_goes_with_the_last_answer_to_it(ana, bob):
    post = make_post(ana)
    root = make_comment(post, bob, "root")
    answer = make_comment(post, ana, "answer", parent=root)
    comments.remove(comment=root)
    assert shown(post) == [("root", False), ("answer", True)]
    comments.remove(comment=answer)
    assert shown(post) == []


def test_hidden_words_are_read_by_their_author_and_moderators(ana, bob, mod):
    post = make_post(ana)
    Comment.machine.move(make_comment(post, bob, "rude"), "hidden")
    assert shown(post) == [] and shown(post, ana) == []
    assert shown(post, bob) == shown(post, mod) == [("rude", True)]


def test_other_words_are_told_as_such(ana, bob):
    comment = make_comment(make_post(ana), bob, "first")
    assert comments.edit(comment=comment, by=bob, content="second").edited_at
    assert Comment.objects.get().content == "second"
    with pytest.raises(Refusal):
        comments.edit(comment=comment, by=bob, content=" ")


def test_words_below_a_removed_post_stay_as_they_are(ana, bob):
    post = make_post(ana)
    comment = make_comment(post, bob)
    actions.remove(post=post)
    with pytest.raises(NotFound):
        comments.edit(comment=comment, by=bob, content="other words")


def test_a_tower_of_removed_comments_goes_with_its_last_words(ana, bob):
    post = make_post(ana)
    tower = [make_comment(post, bob, "0")]
    while tower[-1].depth < comments.DEEPEST:
        tower.append(make_comment(post, bob, "up", parent=tower[-1]))
    for comment in tower[:-1]:
        comments.remove(comment=comment)
    assert [row.pk for row in comments.thread(post, ana).order_by("pk")] == [comment.pk for comment in tower]
    Comment.machine.move(tower[-1], "hidden")
    assert not comments.thread(post, ana).exists()
    assert [row.may_read for row in comments.thread(post, bob).order_by("pk")] == [False] * comments.DEEPEST + [True]
    comments.remove(comment=tower[-1])
    assert not comments.thread(post, bob).exists()
