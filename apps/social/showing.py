"""Posts and comments as the web pages show them: rows with everything that their templates read."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.accounts.models import User
from apps.catalog.models import Track
from apps.social import comments, feed, moderation
from apps.social.counts import with_counts
from apps.social.models import Comment, Like, Post

PER_PAGE, PER_THREAD = 15, 200


def posts(ids: Sequence[UUID], viewer) -> list[Post]:
    """In the order of `ids`, which the caller took from `visible_to(viewer)`.

    Each with `liked`, `likes_now`, `comments_now`, `heard`: its track, where the viewer sees it, `why` it is hidden.
    """
    liked = Like.objects.filter(post=OuterRef("pk"), user=viewer.pk)
    rows = with_counts(Post.objects.annotate(liked=Exists(liked)))
    rows = rows.select_related("author__profile", "author__avatar", "track").defer("author__avatar__image")
    found = rows.in_bulk(ids)
    tracks = seen([post.track_id for post in found.values() if post.track_id], viewer)
    why = moderation.reasons(found.values())
    for post in found.values():
        post.heard, post.why = tracks.get(post.track_id), why.get(post.pk, "")
    return [found[pk] for pk in ids if pk in found]


def seen(ids: Iterable[UUID], viewer) -> dict[UUID, Track]:
    """Of these tracks those that the viewer may see, ready for their templates."""
    rows = Track.objects.visible_to(viewer).live().with_playable(viewer).with_page()
    ids = set(ids)
    return rows.in_bulk(ids) if ids else {}


def thread(post: Post, viewer, cursor: str) -> tuple[list[Comment], str]:
    """A page of the post's comments as a forest, and the cursor of the next page, if there is one.

    Each has `answers`, and `elsewhere` where what it answers stands on another page.
    """
    rows = comments.thread(post, viewer)
    reader = feed.oldest(rows)
    page = reader.page(PER_THREAD, reader.place(cursor) if cursor else None)
    found = rows.in_bulk(page.ids)
    roots: list[Comment] = []
    why = moderation.reasons(comment for comment in found.values() if comment.may_read)
    for comment in (found[pk] for pk in page.ids if pk in found):
        comment.answers, comment.elsewhere = [], comment.parent_id is not None and comment.parent_id not in found
        whole = comment.parent_id in found
        (found[comment.parent_id].answers if whole else roots).append(comment)
        comment.there, comment.why = f"#comment-{comment.pk}", why.get(comment.pk, "")
        comment.may_answer = comment.may_read and comment.status == "shown" and comment.depth < comments.DEEPEST
    return roots, reader.cursor(page.next) if page.next else ""


def own(viewer, author: User | None) -> bool:
    return viewer.is_authenticated and author is not None and viewer.pk == author.pk
