"""Comments in threads (S0-11): a line under a post or an answer to another one, six levels deep at most.

What is removed or hidden stays in its place without words while there are answers to it, so that threads hold.
"""

import datetime as dt
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.lib.errors import NotFound, Refusal
from apps.social import actions
from apps.social.models import Comment, Post

LONGEST = 2_000
# The first line under a post has depth 0.
DEEPEST = 5


def comment(*, post: Post, by, content: str, parent_id: UUID | None = None) -> Comment:
    """`post` was fetched through `open_to(by)`, and so is the comment that is answered.

    Refusals: INVALID 400 (blank, more than 2,000 characters), NOT_FOUND 404 (what is answered is not under this post),
    THREAD_TOO_DEEP 400.
    """
    content = actions.tidy(content, needed=True, longest=LONGEST)
    depth = 0
    if parent_id is not None:
        parent = post.comments.shown().filter(pk=parent_id).first()
        if parent is None:
            raise NotFound("The comment you answer is not there any more.")
        depth = parent.depth + 1
    if depth > DEEPEST:
        message = f"A thread has {DEEPEST + 1} levels. Answer a comment further up."
        raise Refusal("THREAD_TOO_DEEP", message, fields={"parent_id": [message]})
    return Comment.objects.create(post=post, author=by, parent_id=parent_id, depth=depth, content=content)


def edit(*, comment: Comment, by, content: str, now: dt.datetime | None = None) -> Comment:
    """Other words; NotFound when it was removed meanwhile."""
    return actions.reword(comment, actions.tidy(content, needed=True, longest=LONGEST), by, now)


def remove(*, comment: Comment) -> None:
    Comment.machine.move(comment, "removed")


def thread(post: Post, viewer) -> QuerySet[Comment]:
    """The comments of a post that this person was let through to, and the places of those they do not see.

    In the order they were written, so what is answered comes before its answers. `may_read` says which ones have words.
    """
    seen = post.comments.visible_to(viewer)
    stays = Q(pk__in=seen.values("pk"))
    for levels in range(1, DEEPEST + 1):  # what is answered, so many levels below, by something that has words
        stays |= Q(pk__in=seen.filter(depth__gte=levels).values("__".join(["parent"] * levels)))
    return (
        post.comments.filter(stays)
        .annotate(may_read=Exists(seen.filter(pk=OuterRef("pk"))))
        .select_related("author__profile", "author__avatar")
        .defer("author__avatar__image")
    )
