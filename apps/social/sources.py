"""A playlist takes a track by a post that shows it (S0-26)."""

from uuid import UUID

from apps.playlists.sources import register
from apps.social import compat
from apps.social.models import Post


def track_of(user, post_id: UUID) -> UUID | None:
    """The track of a post that somebody sees; None for a text. Whether the track is for them is asked of the track."""
    return Post.objects.visible_to(user).filter(pk=post_id).values_list("track_id", flat=True).first()


register("post_id", track_of)
register("track_id", compat.track_of)
