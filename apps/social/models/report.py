"""What people report and what moderators decide: every hiding has a reason and a name."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from apps.lib.records import Record
from apps.lib.states import Machine
from apps.social.access import ForModerators
from apps.social.models.post import Comment, Post

REPORT_STATES = Machine("state", {"open": ("upheld", "dismissed"), "upheld": ("open",), "dismissed": ("open",)})
_ONE_OF = Q(post__isnull=False, comment__isnull=True) | Q(post__isnull=True, comment__isnull=False)


class Report(Record):
    """Somebody says that a post or a comment should not be here; once each."""

    class Reason(models.TextChoices):
        SPAM = "spam", "spam"
        ABUSE = "abuse", "abuse or hate"
        RIGHTS = "rights", "somebody else's work"
        OTHER = "other", "something else"

    machine = REPORT_STATES

    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="reports", editable=False
    )
    post = models.ForeignKey(Post, null=True, on_delete=models.CASCADE, related_name="reports", editable=False)
    comment = models.ForeignKey(Comment, null=True, on_delete=models.CASCADE, related_name="reports", editable=False)
    reason = models.CharField(max_length=6, choices=Reason, editable=False)
    details = models.TextField(max_length=1_000, blank=True, default="", editable=False)
    state = REPORT_STATES.column()

    objects = ForModerators.as_manager()

    class Meta:
        constraints = [
            REPORT_STATES.constraint("report_state_known"),
            models.CheckConstraint(condition=_ONE_OF, name="report_of_one_thing"),
            models.CheckConstraint(
                condition=Q(reason__in=["spam", "abuse", "rights", "other"]), name="report_reason_known"
            ),
            models.UniqueConstraint(fields=["by", "post"], condition=Q(post__isnull=False), name="report_post_once"),
            models.UniqueConstraint(
                fields=["by", "comment"], condition=Q(comment__isnull=False), name="report_comment_once"
            ),
        ]
        indexes = [
            models.Index("state", F("id").desc(), name="report_by_state"),
            GinIndex(OpClass(Upper("details"), name="gin_trgm_ops"), name="report_words"),  # for details__icontains
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.said}"

    @property
    def said(self) -> Post | Comment:
        """What was reported."""
        return self.post or self.comment


class Decision(Record):
    """What a moderator did with a post or a comment, and why. Rows are added, never changed."""

    class Did(models.TextChoices):
        HID = "hid"
        RESTORED = "restored"
        DISMISSED = "dismissed", "dismissed its reports"

    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="decisions", editable=False
    )
    post = models.ForeignKey(Post, null=True, on_delete=models.CASCADE, related_name="decisions", editable=False)
    comment = models.ForeignKey(Comment, null=True, on_delete=models.CASCADE, related_name="decisions", editable=False)
    did = models.CharField(max_length=9, choices=Did, editable=False)
    reason = models.CharField(max_length=500, editable=False)

    objects = ForModerators.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=_ONE_OF, name="decision_about_one_thing"),
            models.CheckConstraint(condition=Q(did__in=["hid", "restored", "dismissed"]), name="decision_did_known"),
            models.CheckConstraint(condition=Q(reason__trim__length__gt=0), name="decision_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.did}: {self.said}"

    @property
    def said(self) -> Post | Comment:
        """What was decided on."""
        return self.post or self.comment
