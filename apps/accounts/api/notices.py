"""`/me/notices`: what the house has told the signed-in person (S3-13)."""

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import notices
from apps.accounts.api.policy import policy
from apps.accounts.models import Notice
from apps.lib.errors import Refusal

UNREAD = OpenApiParameter("unread", str, enum=["0", "1"], description="1: only what was not read yet.")
MOST_IDS = 200


class NoticeSerializer(serializers.ModelSerializer):
    link = serializers.CharField(read_only=True, help_text="A path of this site, or nothing.")
    read = serializers.BooleanField(read_only=True)

    class Meta:
        model = Notice
        fields = ["id", "kind", "subject", "title", "message", "link", "read", "read_at", "created_at"]
        read_only_fields = fields


class ReadForm(serializers.Serializer):
    ids = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_IDS, required=False, help_text="All when left out."
    )


class MarkForm(serializers.Serializer):
    read = serializers.BooleanField()


class NoticesView(generics.ListAPIView):
    """Notices of the signed-in person, newest first."""

    permission_classes = [policy()]
    serializer_class = NoticeSerializer

    def get_queryset(self):
        rows = Notice.objects.editable_by(self.request.user)
        asked = self.request.query_params.get("unread", "0")
        if asked not in ("0", "1"):
            message = "unread: 0 or 1."
            raise Refusal("INVALID", message, fields={"unread": [message]})
        return rows.filter(read_at__isnull=True) if asked == "1" else rows

    @extend_schema(parameters=[UNREAD])
    def get(self, request) -> Response:
        """Notices of the signed-in person, newest first. Reading the list marks nothing as read."""
        return super().get(request)


class ReadView(APIView):
    permission_classes = [policy()]

    @extend_schema(request=ReadForm, responses=inline_serializer("ReadAnswer", {"read": serializers.IntegerField()}))
    def post(self, request) -> Response:
        """Mark these notices as read, or all; the answer says how many were not yet. Other people's are left alone."""
        form = ReadForm(data=request.data)
        form.is_valid(raise_exception=True)
        return Response({"read": notices.read(user=request.user, ids=form.validated_data.get("ids"))})


class NoticeView(APIView):
    permission_classes = [policy()]

    @extend_schema(request=MarkForm, responses=NoticeSerializer)
    def patch(self, request, pk) -> Response:
        """Mark one notice as read, or as unread again."""
        notice = Notice.objects.get_editable(request.user, pk=pk)
        form = MarkForm(data=request.data)
        form.is_valid(raise_exception=True)
        notices.mark(notice=notice, read=form.validated_data["read"])
        return Response(NoticeSerializer(notice).data)
