"""What people do with posts (S0-08, S0-23). A row handed in was fetched through `editable_by(by)`; text stays as typed.

Likes are in `likes`, comments in `comments`, follows in `follows`.
"""

import datetime as dt
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.catalog import files
from apps.catalog.models import Track
from apps.lib.errors import Conflict, Forbidden, NotFound, Refusal
from apps.lib.text import is_blank
from apps.social.access import may_show
from apps.social.models import Post

LONGEST = 5_000


@transaction.atomic
def publish(*, author, content: str = "", track_id: UUID | None = None) -> Post:
    """A text, or a track with a caption that may be empty.

    Refusals: INVALID 400 (no text without a track, more than 5,000 characters), TRACK_NOT_FOUND 404, FORBIDDEN 403
    (somebody else's private track), NOT_READY 409.
    """
    content = tidy(content, needed=track_id is None)
    if track_id is None:
        return Post.objects.create(author=author, content=content, post_type=Post.Type.TEXT)
    # Held, so that no post lands on a track that goes away at this moment.
    track = Track.objects.get(pk=track_id) if files.lock_live(track_id) else None
    if track is None:
        raise NotFound("Track not found", code="TRACK_NOT_FOUND")
    if not may_show(author, track):
        raise Forbidden("You do not have permission to post this track: it is private.")
    if track.status != "ready":
        raise Conflict("This track is not ready yet. Post it when it can be heard.", "NOT_READY")
    return Post.objects.create(author=author, content=content, post_type=Post.Type.AUDIO, track=track)


def tidy(content: str, *, needed: bool, longest: int = LONGEST, name: str = "content") -> str:
    """Words without the space around them; those that nobody sees are none.

    Refusal INVALID: too many, none, or what no database holds.
    """
    content = "" if is_blank(content) and "\x00" not in content else content.strip()
    message = ""
    if len(content) > longest:
        message = f"At most {longest:,} characters; these are {len(content):,}."
    elif needed and not content:
        message = "Write something."
    elif "\x00" in content or not content.isascii() and _broken(content):
        message = "There is a character in it that is no text."
    if message:
        raise Refusal("INVALID", message, fields={name: [message]})
    return content


def _broken(text: str) -> bool:
    """Half a character, as JSON can spell it."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def edit(*, post: Post, by, content: str, now: dt.datetime | None = None) -> Post:
    """Other words. What it shows stays; NotFound when it was removed meanwhile."""
    content = tidy(content, needed=post.post_type == Post.Type.TEXT)
    return reword(post, content, by, now)


def reword(row, content: str, by, now: dt.datetime | None):
    """New words for a post or a comment, and since when; none are touched that are the same."""
    if content == row.content:
        return row
    moment = now or timezone.now()
    facts = {"content": content, "edited_at": moment, "updated_at": moment}
    if not type(row).objects.editable_by(by).filter(pk=row.pk).update(**facts):
        raise NotFound
    for name, value in facts.items():
        setattr(row, name, value)
    return row


def remove(*, post: Post) -> None:
    """Out of sight for everybody but staff, with its likes and comments, which stay."""
    Post.machine.move(post, "removed")
