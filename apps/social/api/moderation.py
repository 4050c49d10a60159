"""`/posts/{id}/report` for everybody; hiding, restoring and the queue of reports for moderators."""

from collections.abc import Callable

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.lib.errors import Refusal
from apps.social import moderation
from apps.social.api.answers import CommentSerializer, WholePostSerializer, one_comment, one_post
from apps.social.models import Comment, Post, Report

MODERATORS = policy(read="social.moderate", write="social.moderate")
STATES = (*Report.machine.states, "all")
PAGING = {"limit", "cursor"}


class ReportForm(serializers.Serializer):
    """The shape only; the rules are in `moderation`."""

    reason = serializers.ChoiceField(choices=Report.Reason.choices)
    details = serializers.CharField(required=False, default="", allow_blank=True, trim_whitespace=False)


class ReasonForm(serializers.Serializer):
    reason = serializers.CharField(
        allow_blank=True,
        trim_whitespace=False,
        help_text="Why. Its author reads it where something is hidden or shown.",
    )


class OwnReportSerializer(serializers.ModelSerializer):
    """What somebody told the moderators."""

    class Meta:
        model = Report
        fields = ["id", "post_id", "comment_id", "reason", "details", "state", "created_at"]
        read_only_fields = fields


class ReportSerializer(serializers.ModelSerializer):
    """A report with what it is about: its text, author and state as they are now."""

    by = serializers.CharField(source="by.profile.username", default=None, help_text="Null when they have left.")
    author = serializers.SerializerMethodField(help_text="Of what was reported; null when they have left.")
    content = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()

    class Meta:
        model = Report
        fields = [
            "id", "post_id", "comment_id", "author", "content", "status", "by", "reason", "details", "state",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_author(self, report) -> str | None:
        return report.said.author and report.said.author.profile.username

    def get_content(self, report) -> str:
        return report.said.content

    def get_status(self, report) -> str:
        return report.said.status


class ReportView(APIView):
    """Of a post; a comment's below says what else."""

    permission_classes = [policy()]
    limit = "report"
    model = Post

    @extend_schema(request=ReportForm, responses={201: OwnReportSerializer}, parameters=[IDEMPOTENCY_KEY])
    @once
    def post(self, request, pk) -> Response:
        """Tell the moderators, once. Said again, the answer is your first report."""
        row = self.model.objects.get_visible(request.user, pk=pk)
        form = ReportForm(data=request.data)
        form.is_valid(raise_exception=True)
        made = moderation.report(said=row, by=request.user, **form.validated_data)
        return Response(OwnReportSerializer(made).data, status=status.HTTP_201_CREATED)


class ReportCommentView(ReportView):
    model = Comment


class DecideView(APIView):
    """`act` is what `moderation` does to a post or a comment."""

    permission_classes = [MODERATORS]
    act: Callable = None

    def decide(self, request, model: type[moderation.Said], pk) -> moderation.Said:
        row = model.objects.moderated_by(request.user).get_visible(request.user, pk=pk)
        form = ReasonForm(data=request.data)
        form.is_valid(raise_exception=True)
        type(self).act(said=row, by=request.user, **form.validated_data)
        return row


class DecidePostView(DecideView):
    @extend_schema(request=ReasonForm, responses=WholePostSerializer)
    def post(self, request, pk) -> Response:
        return one_post(request, self.decide(request, Post, pk))


class DecideCommentView(DecideView):
    @extend_schema(request=ReasonForm, responses=CommentSerializer)
    def post(self, request, pk) -> Response:
        return one_comment(request, self.decide(request, Comment, pk))


class HidePostView(DecidePostView):
    """Take a post out of sight of everybody but its author and moderators. The author is told why."""

    act = moderation.hide


class RestorePostView(DecidePostView):
    """Show a hidden post to everybody again. The author is told why."""

    act = moderation.restore


class HideCommentView(DecideCommentView):
    """Take a comment out of sight of everybody but its author and moderators. The author is told why."""

    act = moderation.hide


class RestoreCommentView(DecideCommentView):
    """Show a hidden comment to everybody again. The author is told why."""

    act = moderation.restore


class ReportsView(generics.ListAPIView):
    """What people reported, newest first."""

    permission_classes = [MODERATORS]
    serializer_class = ReportSerializer
    queryset = Report.objects.none()  # says to the schema what is listed

    def get_queryset(self):
        rows = chosen(Report.objects.visible_to(self.request.user), self.request.query_params)
        return rows.select_related("by__profile", "post__author__profile", "comment__author__profile")

    @extend_schema(parameters=[OpenApiParameter("state", str, enum=STATES, description="Default: open.")])
    def get(self, request, *args, **kwargs) -> Response:
        return super().get(request, *args, **kwargs)


def chosen(rows, params):
    """The reports that the query string asks for, open ones by default."""
    if unknown := sorted(set(params) - PAGING - {"state"}):
        message = f"Unknown filter {unknown[0]!r}. Known: cursor, limit, state."
        raise Refusal("UNKNOWN_FILTER", message, fields={unknown[0]: [message]})
    state = params.get("state", "open")
    if state not in STATES:
        message = f"state: one of {', '.join(STATES)}."
        raise Refusal("INVALID", message, fields={"state": [message]})
    return rows if state == "all" else rows.filter(state=state)


class DismissView(APIView):
    permission_classes = [MODERATORS]

    @extend_schema(request=ReasonForm, responses=ReportSerializer)
    def post(self, request, pk) -> Response:
        """It may stay: this report is settled, and with it all open ones of the same post or comment."""
        report = Report.objects.get_editable(request.user, pk=pk)
        form = ReasonForm(data=request.data)
        form.is_valid(raise_exception=True)
        moderation.dismiss(said=report.said, by=request.user, **form.validated_data)
        report.refresh_from_db()
        return Response(ReportSerializer(report).data)


urls = [
    path("posts/<uuid:pk>/report", ReportView.as_view(), name="post-report-api"),
    path("posts/<uuid:pk>/hide", HidePostView.as_view(), name="post-hide-api"),
    path("posts/<uuid:pk>/restore", RestorePostView.as_view(), name="post-restore-api"),
    path("comments/<uuid:pk>/report", ReportCommentView.as_view(), name="comment-report-api"),
    path("comments/<uuid:pk>/hide", HideCommentView.as_view(), name="comment-hide-api"),
    path("comments/<uuid:pk>/restore", RestoreCommentView.as_view(), name="comment-restore-api"),
    path("moderation/reports", ReportsView.as_view(), name="reports-api"),
    path("moderation/reports/<uuid:pk>/dismiss", DismissView.as_view(), name="report-dismiss-api"),
]
