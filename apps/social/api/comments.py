"""`/posts/{id}/comments` and `/comments/{id}`: what is said below a post (S0-11)."""

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.playlists.api.answers import PAGE
from apps.social import comments
from apps.social.api.answers import CommentPageSerializer, CommentSerializer, one_comment, thread
from apps.social.models import Comment, Post


class CommentForm(serializers.Serializer):
    """The shape only; the rules are in `comments`."""

    content = serializers.CharField(allow_blank=True, trim_whitespace=False)
    parent_id = serializers.UUIDField(
        required=False, default=None, allow_null=True, help_text="The comment that is answered."
    )


class NewWordsForm(serializers.Serializer):
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)


class CommentsView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(
        operation_id="posts_comments_list", parameters=PAGE, responses={200: CommentPageSerializer, 304: None}
    )
    def get(self, request, pk) -> HttpResponseBase:
        """The comments of a post in the order they were written: what is answered comes before its answers."""
        return thread(request, Post.objects.get_visible(request.user, pk=pk))

    @extend_schema(request=CommentForm, responses={201: CommentSerializer}, parameters=[IDEMPOTENCY_KEY])
    @once
    def post(self, request, pk) -> Response:
        """Say something below a post, or answer a comment there."""
        row = Post.objects.open_to(request.user).get_visible(request.user, pk=pk)
        form = CommentForm(data=request.data)
        form.is_valid(raise_exception=True)
        made = comments.comment(post=row, by=request.user, **form.validated_data)
        return one_comment(request, made, status=status.HTTP_201_CREATED)


class CommentView(APIView):
    permission_classes = [policy()]

    @extend_schema(request=NewWordsForm, responses=CommentSerializer)
    def patch(self, request, pk) -> Response:
        """Other words."""
        row = Comment.objects.get_editable(request.user, pk=pk)
        form = NewWordsForm(data=request.data)
        form.is_valid(raise_exception=True)
        return one_comment(request, comments.edit(comment=row, by=request.user, **form.validated_data))

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Take it back. With answers it keeps its place without words."""
        comments.remove(comment=Comment.objects.get_editable(request.user, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


urls = [
    path("posts/<uuid:pk>/comments", CommentsView.as_view(), name="post-comments-api"),
    path("comments/<uuid:pk>", CommentView.as_view(), name="comment-api"),
]
