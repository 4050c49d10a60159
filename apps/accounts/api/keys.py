"""`/me/keys`: API keys of the signed-in person."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import generics, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import actions
from apps.accounts.api.policy import confirmed, policy
from apps.accounts.models import ApiKey
from apps.accounts.roles import SCOPES


class KeySerializer(serializers.ModelSerializer):
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(SCOPES)), allow_empty=False)

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at"]
        read_only_fields = ["prefix", "created_at", "last_used_at", "revoked_at"]


class KeysView(generics.ListCreateAPIView):
    """API keys of the signed-in person. The answer to POST shows the key itself, once.

    A new one is made by a key with the scope `admin`, or just after saying the password.
    """

    permission_classes = [policy(scope="admin")]
    serializer_class = KeySerializer

    def get_queryset(self):
        return ApiKey.objects.editable_by(self.request.user)

    @extend_schema(
        responses={201: inline_serializer("NewKey", {"key": serializers.CharField(), "details": KeySerializer()})}
    )
    def post(self, request) -> Response:
        confirmed(request)
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        key, clear = actions.create_key(user=request.user, **form.validated_data)
        answer = {"key": clear, "details": self.get_serializer(key).data}
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class KeyView(APIView):
    permission_classes = [policy(scope="admin")]

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Revoke a key at once; its row stays as the record of it."""
        actions.revoke_key(key=get_object_or_404(ApiKey.objects.editable_by(request.user), pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)
