"""What somebody said, liked and follows, in their export; what becomes of it when they leave."""

from collections.abc import Iterator

from django.db.models import Exists, Model, OuterRef, Q

from apps.accounts import staff_log
from apps.accounts.chapters import Chapter, Parting, columns, register
from apps.accounts.models import User
from apps.catalog.models import Track
from apps.social.counts import with_counts
from apps.social.models import Comment, Decision, DeprecatedUse, Follow, Like, Post, Report

# What is left of what they said: a place for what others said to it.
BLANK = {"content": "", "edited_at": None, "author": None}


def _posts(user: User) -> Iterator[dict]:
    """As the API tells them: of a track that they do not see, no id."""
    seen = Exists(Track.objects.visible_to(user).filter(pk=OuterRef("track")))
    for post in with_counts(Post.objects.of(user)).annotate(seen=seen).order_by("pk").iterator(500):
        counted = {"like_count": post.likes_now, "comment_count": post.comments_now}
        yield {**columns(post, but=("author_id",)), "track_id": post.track_id if post.seen else None, **counted}


def _comments(user: User) -> Iterator[dict]:
    rows = Comment.objects.of(user).order_by("pk")
    return (columns(row, but=("author_id",)) for row in rows.iterator(500))


def _likes(user: User) -> Iterator[dict]:
    rows = Like.objects.filter(user=user).order_by("pk")
    return (columns(row, but=("user_id",)) for row in rows.iterator(500))


def _follows(user: User) -> Iterator[dict]:
    rows = Follow.objects.filter(follower=user).select_related("followed__profile").order_by("pk")
    for row in rows.iterator(500):
        yield {"username": row.followed.profile.username, "created_at": row.created_at}


def _reports(user: User) -> Iterator[dict]:
    rows = Report.objects.filter(by=user).order_by("pk")
    return (columns(row, but=("by_id",)) for row in rows.iterator(500))


def _decisions(user: User) -> Iterator[dict]:
    """What they were told of: who reported, and what came to nothing, stays with the moderators."""
    theirs = Q(post__in=Post.objects.of(user)) | Q(comment__in=Comment.objects.of(user))
    rows = Decision.objects.filter(theirs, did__in=["hid", "restored"]).order_by("pk")
    return (columns(row, but=("by_id",)) for row in rows.iterator(500))


def _decided(user: User) -> Iterator[dict]:
    rows = Decision.objects.filter(by=user).order_by("pk")
    return (columns(row, but=("by_id",)) for row in rows.iterator(500))


def _old_uses(user: User) -> Iterator[dict]:
    rows = DeprecatedUse.objects.filter(user=user).order_by("pk")
    return (columns(row, but=("user_id",)) for row in rows.iterator(500))


def _part(parting: Parting) -> None:
    """A few statements, however much it is. Comments of others below their posts stay theirs, out of sight."""
    Like.objects.filter(user=parting.user).delete()
    Report.objects.filter(by=parting.user).update(details="")
    for model in (Comment, Post):
        _blank(model, parting)
    leaf = ~Exists(Comment.objects.filter(parent=OuterRef("pk")))
    while Comment.objects.filter(leaf, author=None, status="removed").delete()[0]:
        pass


def _blank(model: type[Model], parting: Parting) -> None:
    mine = model.objects.of(parting.user)
    staff_log.blank(mine)
    keys = list(mine.values_list("pk", flat=True))
    for about in (Report, Decision):  # what was said of their words goes with them
        about.objects.filter(**{f"{model._meta.model_name}__in": keys}).delete()
    rows = model.objects.filter(pk__in=keys)
    model.machine.move_all(rows, "removed", **BLANK, updated_at=parting.now)
    rows.filter(status="removed").update(**BLANK)


register(
    Chapter("posts", "what you posted", _posts),
    Chapter("comments", "what you said below posts", _comments),
    Chapter("likes", "which posts you like", _likes),
    Chapter("follows", "whom you follow", _follows),
    Chapter("reports", "what you reported to the moderators", _reports),
    Chapter("old_uses", "how often you used the API in the old way", _old_uses),
    Chapter("decisions", "what moderators decided on what you said, and why", _decisions),
    Chapter("decided", "what you decided as a moderator", _decided),
    part=_part,
)
