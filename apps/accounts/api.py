"""The API's accounts half: policies for every view, `/me` and `/me/keys`."""

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import generics, serializers, status
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import actions
from apps.accounts.access import may
from apps.accounts.models import ApiKey, Profile
from apps.accounts.roles import SCOPES
from apps.lib.api import Constrained

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Of your choosing, one per act: saying the same request again gives the first answer for two days.",
)
ANYONE, SIGNED_IN = "anyone", "signed in"


def policy(*, read: str = SIGNED_IN, write: str = SIGNED_IN, scope: str = "write") -> type[BasePermission]:
    """Who reads, who writes (`ANYONE`, `SIGNED_IN` or a permission), and the scope a key needs to write."""

    class Policy(BasePermission):
        declared = {"read": read, "write": write, "scope": scope}

        def has_permission(self, request, view) -> bool:
            safe = request.method in SAFE_METHODS
            needed = read if safe else write
            if request.auth is not None and not ({"read" if safe else scope, "admin"} & set(request.auth.scopes)):
                self.message = f"This API key lacks the scope {'read' if safe else scope}."
                return False
            if needed == ANYONE:
                return True
            if not request.user.is_authenticated:
                return False
            return needed == SIGNED_IN or may(request.user, needed)

    return Policy


class MeSerializer(Constrained, serializers.ModelSerializer):
    id = serializers.UUIDField(source="user.id", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    tier = serializers.CharField(source="user.tier", read_only=True)
    roles = serializers.SerializerMethodField()

    class Meta:
        model = Profile
        fields = [
            "id", "email", "username", "display_name", "first_name", "last_name", "bio", "country", "timezone",
            "language", "tier", "roles",
        ]  # fmt: skip
        extra_kwargs = {"username": {"required": False}}

    def get_roles(self, profile) -> list[str]:
        return sorted(profile.user.roles)


class MeView(generics.RetrieveUpdateAPIView):
    """The signed-in person."""

    permission_classes = [policy()]
    serializer_class = MeSerializer
    http_method_names = ["get", "patch", "head", "options"]

    def get_object(self) -> Profile:
        profile, _ = Profile.objects.get_or_create(
            user=self.request.user, defaults={"username": actions.free_username(self.request.user.email)}
        )
        return profile


class KeySerializer(serializers.ModelSerializer):
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(SCOPES)), allow_empty=False)

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at"]
        read_only_fields = ["prefix", "created_at", "last_used_at", "revoked_at"]


class KeysView(generics.ListCreateAPIView):
    """API keys of the signed-in person. The answer to POST shows the key itself, once."""

    permission_classes = [policy(scope="admin")]
    serializer_class = KeySerializer

    def get_queryset(self):
        return ApiKey.objects.editable_by(self.request.user)

    @extend_schema(
        responses={201: inline_serializer("NewKey", {"key": serializers.CharField(), "details": KeySerializer()})}
    )
    def post(self, request) -> Response:
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        key, clear = actions.create_key(user=request.user, **form.validated_data)
        answer = {"key": clear, "details": self.get_serializer(key).data}
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class KeyView(APIView):
    permission_classes = [policy(scope="admin")]

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Revoke a key at once."""
        actions.revoke_key(key=ApiKey.objects.get_editable(request.user, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


urls = [
    path("me", MeView.as_view(), name="me"),
    path("me/keys", KeysView.as_view(), name="keys"),
    path("me/keys/<uuid:pk>", KeyView.as_view(), name="key"),
]
