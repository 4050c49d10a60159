"""Posts, their likes and their comments (S0-01, S0-08, S0-11)."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from apps.catalog.models import Track
from apps.lib.records import Record
from apps.lib.states import Machine
from apps.social.access import CommentAccess, PostAccess

SAID_STATES = Machine(
    "status",
    {"shown": ("hidden", "removed"), "hidden": ("shown", "removed"), "removed": ()},
)


def _author(name: str) -> models.ForeignKey:
    """Null once they have left: what is kept then is a removed row without words, for what hangs on it."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name=name,
        db_index=False,
        editable=False,
    )


def _words(name: str) -> GinIndex:
    """For `content__icontains`."""
    return GinIndex(OpClass(Upper("content"), name="gin_trgm_ops"), name=name)


def _author_known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(author__isnull=False) | Q(status="removed", content=""), name=f"{name}_author_known"
    )


class Post(Record):
    """A text, or a track with a caption that may be empty. Its text is stored as it was typed and escaped where shown.

    The counts are kept by triggers, see `counts`; what could not be added at once stands in Tally.
    The table keeps the audio_* columns of the old shape until `separation drop`; only that and the answers for old
    programs read them. What old programs do not say has its default in the database.
    """

    class Type(models.TextChoices):
        TEXT = "text"
        AUDIO = "audio"

    machine = SAID_STATES

    author = _author("posts")
    content = models.TextField(max_length=5_000, blank=True, default="", db_default="")
    post_type = models.CharField(max_length=5, choices=Type, db_default=Type.TEXT, editable=False)
    track = models.ForeignKey(Track, null=True, on_delete=models.PROTECT, related_name="posts", editable=False)
    status = SAID_STATES.column(db_default="shown")
    like_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    comment_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)

    objects = PostAccess.as_manager()

    class Meta:
        constraints = [
            SAID_STATES.constraint("post_status_known"),
            models.CheckConstraint(condition=Q(post_type__in=["text", "audio"]), name="post_type_known"),
            models.CheckConstraint(
                condition=Q(post_type="audio", track__isnull=False) | Q(post_type="text", track__isnull=True),
                name="post_audio_has_track",
            ),
            _author_known("post"),
        ]
        indexes = [
            models.Index(F("created_at").desc(), F("id").desc(), condition=Q(status="shown"), name="post_newest_shown"),
            models.Index("author", F("created_at").desc(), F("id").desc(), name="post_newest_of_author"),
            models.Index("status", F("id").desc(), condition=~Q(status="shown"), name="post_not_shown"),
            models.Index(
                "track",
                F("created_at").desc(),
                F("id").desc(),
                condition=Q(status="shown", track__isnull=False),
                name="post_newest_of_track",
            ),
            _words("post_words"),
        ]

    def __str__(self) -> str:
        return self.content[:60] or f"{self.post_type} post {self.pk}"


class Like(models.Model):
    """One person likes one post, once."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="likes", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="likes")
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "user"], name="like_once")]

    def __str__(self) -> str:
        return f"{self.user_id} likes {self.post_id}"


class Tally(models.Model):
    """What was to be added to a post's counts while somebody else was adding to them: nobody waits for a hot post."""

    post = models.ForeignKey(
        Post, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="+", editable=False
    )
    likes = models.IntegerField(editable=False)
    comments = models.IntegerField(editable=False)
    backend = models.IntegerField(
        default=0, db_default=0, editable=False, db_comment="process id of the connection whose line it is"
    )

    class Meta:
        indexes = [models.Index("post", "backend", name="tally_line")]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.likes:+} likes, {self.comments:+} comments"


class Comment(Record):
    """A line under a post, or an answer to one; `depth` counts from 0 at the post."""

    machine = SAID_STATES

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="comments", db_index=False, editable=False)
    author = _author("comments")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replies", editable=False
    )
    depth = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    content = models.TextField(max_length=2_000)
    status = SAID_STATES.column(db_default="shown")
    edited_at = models.DateTimeField(null=True, editable=False)

    objects = CommentAccess.as_manager()

    class Meta:
        constraints = [
            SAID_STATES.constraint("comment_status_known"),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, depth=0) | Q(parent__isnull=False, depth__gt=0),
                name="comment_depth_counts",
            ),
            models.CheckConstraint(condition=~Q(parent=F("pk")), name="comment_not_its_own_answer"),
            _author_known("comment"),
        ]
        indexes = [
            models.Index("post", "created_at", "id", name="comment_of_post"),
            models.Index("author", F("created_at").desc(), F("id").desc(), name="comment_newest_of_author"),
            _words("comment_words"),
        ]

    def __str__(self) -> str:
        return self.content[:60]
