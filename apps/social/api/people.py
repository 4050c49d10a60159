"""`/users/{username}/follow`: whom you follow (S0-11)."""

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import profiles
from apps.accounts.api import policy
from apps.accounts.models import User
from apps.social import follows


class FollowSerializer(serializers.Serializer):
    following = serializers.BooleanField(help_text="Whether you follow them.")
    follower_count = serializers.IntegerField(help_text="How many do.")


@extend_schema(request=None, responses=FollowSerializer)
class FollowView(APIView):
    permission_classes = [policy()]

    def get(self, request, username) -> Response:
        """Whether you follow this person."""
        return told(request, profiles.public(username))

    def put(self, request, username) -> Response:
        """Follow this person: their posts come with `/feed?following=1`."""
        person = profiles.public(username)
        follows.follow(person=person, by=request.user)
        return told(request, person)

    def delete(self, request, username) -> Response:
        """Do not follow them, or no longer."""
        person = profiles.public(username)
        follows.unfollow(person=person, by=request.user)
        return told(request, person)


def told(request, person: User) -> Response:
    known = {"following": follows.follows(request.user, person), "follower_count": follows.around(person).followers}
    return Response(known)


urls = [path("users/<str:username>/follow", FollowView.as_view(), name="user-follow")]
