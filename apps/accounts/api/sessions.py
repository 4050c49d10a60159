"""`/me/sessions`: where the signed-in person is signed in (S4-09)."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import sessions
from apps.accounts.api.policy import policy
from apps.accounts.models import Session
from apps.lib import agents


class SessionSerializer(serializers.ModelSerializer):
    name = serializers.SerializerMethodField(help_text="Browser and system, such as Firefox on Windows.")
    expires_at = serializers.DateTimeField(source="expire_date", read_only=True)
    current = serializers.SerializerMethodField(help_text="Whether this is the session that asks.")

    class Meta:
        model = Session
        fields = ["id", "name", "agent", "address", "created_at", "last_activity", "expires_at", "current"]
        read_only_fields = ["id"]  # the columns are not editable

    def get_name(self, session) -> str:
        return agents.name(session.agent)

    def get_current(self, session) -> bool:
        return sessions.is_current(self.context["request"], session)


class SessionsView(generics.ListAPIView):
    """Where the person is signed in, newest first."""

    permission_classes = [policy(scope="admin")]
    serializer_class = SessionSerializer

    def get_queryset(self):
        return sessions.living(user=self.request.user)

    @extend_schema(responses={204: None}, operation_id="me_sessions_destroy_others")
    def delete(self, request) -> Response:
        """Sign out everywhere but in the session that asks. A key has none: then everywhere."""
        sessions.end_others(user=request.user, keep=request.session.session_key)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionView(APIView):
    permission_classes = [policy(scope="admin")]

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Sign one browser out; it may be the one that asks."""
        sessions.leave(request, get_object_or_404(sessions.living(user=request.user), id=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)
