"""`/playlists/{id}/members`: who is in a playlist beside its owner (S4-14)."""

from django.urls import path
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import policy
from apps.playlists import members
from apps.playlists.models import Member, Playlist


class MemberSerializer(serializers.Serializer):
    username = serializers.CharField(source="user.profile.username")
    display_name = serializers.CharField(source="user.profile.name")
    role = serializers.ChoiceField(choices=members.ROLES)
    created_at = serializers.DateTimeField()


class MemberForm(serializers.Serializer):
    role = serializers.ChoiceField(choices=members.ROLES)


class MembersView(APIView):
    permission_classes = [policy()]

    @extend_schema(responses=inline_serializer("Members", {"results": MemberSerializer(many=True)}))
    def get(self, request, pk) -> Response:
        """All of them, for its owner and for themselves."""
        playlist = Playlist.objects.get_shared(request.user, pk=pk)
        return Response({"results": MemberSerializer(members.of(playlist), many=True).data})


class MemberView(APIView):
    permission_classes = [policy()]

    @extend_schema(request=MemberForm, responses={200: MemberSerializer, 201: MemberSerializer})
    def put(self, request, pk, username) -> Response:
        """Let somebody in, or change what they are: its owner alone. They are told."""
        playlist = Playlist.objects.get_editable(request.user, pk=pk)
        form = MemberForm(data=request.data)
        form.is_valid(raise_exception=True)
        member, new = members.put(playlist=playlist, username=username, **form.validated_data)
        return Response(
            MemberSerializer(member).data, status=status.HTTP_201_CREATED if new else status.HTTP_200_OK
        )  # fmt: skip

    @extend_schema(responses={204: None})
    def delete(self, request, pk, username) -> Response:
        """Out: its owner drops anybody, everybody may leave."""
        playlist = Playlist.objects.get_visible(request.user, pk=pk)
        members.drop(member=Member.objects.get_editable(request.user, **members.named(playlist, username)))
        return Response(status=status.HTTP_204_NO_CONTENT)


urls = [
    path("playlists/<uuid:pk>/members", MembersView.as_view(), name="playlist-members"),
    path("playlists/<uuid:pk>/members/<str:username>", MemberView.as_view(), name="playlist-member"),
]
