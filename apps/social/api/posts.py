"""`/feed`, `/posts` and what is done with a post (S0-08, S0-23 … S0-25)."""

from uuid import UUID

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import profiles
from apps.accounts.api import ANYONE, IDEMPOTENCY_KEY, policy
from apps.accounts.idempotency import once
from apps.catalog.api.answers import base, known_again
from apps.lib.errors import Refusal
from apps.social import actions, compat, counts, feed, likes
from apps.social.api import old
from apps.social.api.answers import (
    CHOICE,
    PAGE,
    PostPageSerializer,
    WholePostSerializer,
    one_post,
    post,
    posts,
    switched,
)
from apps.social.models import Post

BY_AUTHOR = OpenApiParameter("author", str, description="Username: only theirs.")
ABOUT = OpenApiParameter("track", {"type": "string", "format": "uuid"}, description="Only posts of this track.")
FOLLOWING = OpenApiParameter("following", str, description="1: only of those you follow.")


class PostForm(old.OldPostForm):
    """The shape only; the rules are in `actions`."""

    content = serializers.CharField(required=False, default="", allow_blank=True, trim_whitespace=False)
    track_id = serializers.UUIDField(required=False, default=None, allow_null=True)


class WordsForm(serializers.Serializer):
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)


class LikeSerializer(serializers.Serializer):
    like_count = serializers.IntegerField()
    liked_by_user = serializers.BooleanField()


class FeedView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(
        operation_id="feed_list",
        parameters=[FOLLOWING, BY_AUTHOR, ABOUT, old.USER, *PAGE],
        responses={200: PostPageSerializer, 304: None},
    )
    def get(self, request) -> HttpResponseBase:
        """What everybody says, newest first; or those you follow, one person, one track."""
        return listed(request, following=switched(request.query_params, "following"))


class PostsView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(
        operation_id="posts_list",
        parameters=[BY_AUTHOR, ABOUT, old.USER, *PAGE],
        responses={200: PostPageSerializer, 304: None},
    )
    def get(self, request) -> HttpResponseBase:
        """What everybody says, newest first."""
        return listed(request)

    @extend_schema(request=PostForm, responses={201: WholePostSerializer}, parameters=[IDEMPOTENCY_KEY])
    @once
    def post(self, request) -> Response:
        """Say something, or show a track with a caption that may be empty (S0-23)."""
        form = PostForm(data=request.data)
        form.is_valid(raise_exception=True)
        made = compat.publish(author=request.user, site=base(request), **form.validated_data)
        return one_post(request, made, status=status.HTTP_201_CREATED)


def listed(request, **choice) -> HttpResponseBase:
    """The feed, as far as `author` and `track` choose of it. Refusal INVALID for what is no id."""
    author, track = (request.query_params.get(name, "") for name in ("author", "track"))
    try:
        about = UUID(track) if track else None
    except ValueError as unreadable:
        message = "track: the id of a track."
        raise Refusal("INVALID", message, fields={"track": [message]}) from unreadable
    author = author or compat.author(request.query_params.get("user", ""))
    return posts(request, feed.reader(request.user, author=author, track=about, **choice))


class PersonPostsView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(operation_id="users_posts_list", parameters=PAGE, responses={200: PostPageSerializer, 304: None})
    def get(self, request, username) -> HttpResponseBase:
        """What somebody said, newest first; hidden ones for themselves and moderators."""
        person = profiles.public(username)
        return posts(request, feed.newest(Post.objects.visible_to(request.user).of(person)))


class PostView(APIView):
    permission_classes = [policy(read=ANYONE)]

    @extend_schema(parameters=CHOICE, responses={200: WholePostSerializer, 304: None})
    def get(self, request, pk) -> HttpResponseBase:
        """One post with its whole track."""
        Post.objects.get_visible(request.user, pk=pk)
        return known_again(request, post(request, pk))

    @extend_schema(request=WordsForm, responses=WholePostSerializer)
    def patch(self, request, pk) -> Response:
        """Other words; the track stays."""
        row = Post.objects.get_editable(request.user, pk=pk)
        form = WordsForm(data=request.data)
        form.is_valid(raise_exception=True)
        return one_post(request, actions.edit(post=row, by=request.user, **form.validated_data))

    @extend_schema(responses={204: None})
    def delete(self, request, pk) -> Response:
        """Take it back: nobody sees it any more, nor what was said below it."""
        actions.remove(post=Post.objects.get_editable(request.user, pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(request=None, responses=LikeSerializer)
class LikeView(APIView):
    permission_classes = [policy()]

    def put(self, request, pk) -> Response:
        """You like it. Said again: nothing more."""
        row = Post.objects.open_to(request.user).get_visible(request.user, pk=pk)
        likes.like(post=row, by=request.user)
        return self._now(row, True)

    def delete(self, request, pk) -> Response:
        """You do not like it, or no longer."""
        row = Post.objects.open_to(request.user).get_visible(request.user, pk=pk)
        likes.unlike(post=row, by=request.user)
        return self._now(row, False)

    def _now(self, row: Post, liked: bool) -> Response:
        return Response({"like_count": counts.of(row).likes, "liked_by_user": liked})


urls = [
    path("feed", FeedView.as_view(), name="feed-api"),
    path("posts", PostsView.as_view(), name="posts-api"),
    path("posts/<uuid:pk>", PostView.as_view(), name="post-api"),
    path("posts/<uuid:pk>/like", LikeView.as_view(), name="post-like-api"),
    path("users/<str:username>/posts", PersonPostsView.as_view(), name="user-posts"),
]
