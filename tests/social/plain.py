"""A post written by REST framework as it is written everywhere: what the database's JSON is compared with."""

from rest_framework import serializers

from apps.catalog.models import Track
from apps.social.models import Comment, Post
from apps.social.shape import CARD
from tests.catalog import plain


class CardSerializer(plain.TrackSerializer):
    class Meta(plain.TrackSerializer.Meta):
        fields = [name for name in plain.TrackSerializer.Meta.fields if name in CARD]


class PostSerializer(serializers.ModelSerializer):
    """Takes posts with `liked`, `likes_now` and `comments_now`; `tracks` of the context are those that are seen."""

    author = plain.OwnerSerializer(allow_null=True)
    track_id = serializers.SerializerMethodField()
    track = serializers.SerializerMethodField()
    track_removed = serializers.SerializerMethodField()
    like_count = serializers.IntegerField(source="likes_now")
    comment_count = serializers.IntegerField(source="comments_now")
    liked_by_user = serializers.BooleanField(source="liked")

    card = CardSerializer

    class Meta:
        model = Post
        fields = [
            "id", "post_type", "author", "content", "track_id", "track", "track_removed", "like_count",
            "comment_count", "liked_by_user", "status", "edited_at", "created_at", "updated_at",
        ]  # fmt: skip

    def _seen(self, post) -> Track | None:
        return self.context["tracks"].get(post.track_id)

    def get_track_id(self, post) -> str | None:
        return str(post.track_id) if self._seen(post) else None

    def get_track(self, post) -> dict | None:
        track = self._seen(post)
        return self.card(track, context=self.context).data if track else None

    def get_track_removed(self, post) -> bool:
        return bool(post.track and post.track.status == "removed")


class WholePostSerializer(PostSerializer):
    card = plain.TrackSerializer


class CommentSerializer(serializers.ModelSerializer):
    author = plain.OwnerSerializer(allow_null=True)
    removed = serializers.SerializerMethodField()

    class Meta:
        model = Comment
        fields = [
            "id", "post_id", "parent_id", "depth", "author", "content", "removed", "status", "edited_at", "created_at",
        ]  # fmt: skip

    def get_removed(self, comment) -> bool:
        return False
