"""`/me/avatar`: the signed-in person's picture."""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import avatars
from apps.accounts.api.people import avatar_url
from apps.accounts.api.policy import policy


class AvatarForm(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True, max_length=None)


class AvatarView(APIView):
    permission_classes = [policy()]
    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": AvatarForm},
        responses=inline_serializer("Avatar", {"avatar_url": serializers.URLField()}),
    )
    def put(self, request) -> Response:
        """Your picture: a JPEG, PNG, WebP or GIF of 5 MB at most. Its middle is kept as a WebP of 512 x 512 pixels."""
        form = AvatarForm(data=request.data)
        form.is_valid(raise_exception=True)
        avatars.put(user=request.user, content=form.validated_data["file"])
        return Response({"avatar_url": avatar_url(request, request.user)})

    @extend_schema(responses={204: None})
    def delete(self, request) -> Response:
        """No picture any more."""
        avatars.drop(user=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
