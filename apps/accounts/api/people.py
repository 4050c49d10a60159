"""`/users/{username}`: what everybody may know of a person."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from apps.accounts import avatars, profiles
from apps.accounts.api.policy import ANYONE, policy
from apps.accounts.models import User


class PersonSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    username = serializers.CharField(source="profile.username")
    display_name = serializers.CharField(source="profile.name", help_text="The username where none was chosen.")
    bio = serializers.CharField(source="profile.bio")
    avatar_url = serializers.SerializerMethodField()
    stats = serializers.SerializerMethodField(help_text="Of everybody's knowledge: posts, followers, …")

    def get_avatar_url(self, user) -> str | None:
        return avatar_url(self.context["request"], user)

    def get_stats(self, user) -> dict[str, int]:
        return profiles.stats(user)


class PersonView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(responses=PersonSerializer)
    def get(self, request, username: str) -> Response:
        """A person by username, in whatever case."""
        return Response(PersonSerializer(profiles.public(username), context={"request": request}).data)


def avatar_url(request: Request, user: User) -> str | None:
    """Where the person's picture is, or null."""
    sha256 = avatars.address(user)
    return reverse("avatar", args=[sha256], request=request) if sha256 else None
