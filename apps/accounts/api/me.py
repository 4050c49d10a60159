"""`/me`: the signed-in person, and leaving for good."""

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.response import Response

from apps.accounts import departure, profiles
from apps.accounts.api.people import avatar_url
from apps.accounts.api.policy import by_admin_key, policy
from apps.accounts.models import Profile
from apps.lib import client


class MeSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="user.id", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    tier = serializers.CharField(source="user.tier", read_only=True)
    roles = serializers.SerializerMethodField()
    avatar_url = serializers.SerializerMethodField()

    class Meta:
        model = Profile
        fields = ["id", "email", *profiles.WRITABLE, "avatar_url", "tier", "roles"]
        extra_kwargs = {"username": {"required": False}}

    def get_roles(self, profile) -> list[str]:
        return sorted(profile.user.roles)

    def get_avatar_url(self, profile) -> str | None:
        return avatar_url(self.context["request"], profile.user)


class LeaveForm(serializers.Serializer):
    password = serializers.CharField(trim_whitespace=False, max_length=4096)
    tracks = serializers.ChoiceField(
        choices=list(departure.TRACKS),
        help_text="Your tracks are removed, or left to the library without your name.",
    )


class MeView(generics.GenericAPIView):
    permission_classes = [policy()]
    serializer_class = MeSerializer

    def get(self, request) -> Response:
        """The signed-in person."""
        return Response(self.get_serializer(profiles.of(request.user)).data)

    @extend_schema(request=MeSerializer(partial=True))
    def patch(self, request) -> Response:
        """Change your profile; what is not named stays."""
        form = self.get_serializer(profiles.of(request.user), data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        return Response(self.get_serializer(profiles.edit(user=request.user, **form.validated_data)).data)

    @extend_schema(request=LeaveForm, responses={204: None})
    def delete(self, request) -> Response:
        """Delete your account, at once and for good. A key needs the scope `admin` besides the password."""
        by_admin_key(request)
        form = LeaveForm(data=request.data)
        form.is_valid(raise_exception=True)
        departure.leave(user=request.user, address=client.address(request), **form.validated_data)
        logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)
