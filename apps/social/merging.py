"""Two tracks become one: posts of the one that goes show the one that stays, and the other again when it is undone."""

from collections.abc import Iterator
from uuid import UUID

from apps.catalog.changerows import Row
from apps.catalog.merging import register
from apps.catalog.models import Changeset, Track
from apps.lib.errors import Conflict
from apps.social.models import Post

TABLE = Post._meta.db_table


def mover(loser: Track, winner: Track) -> Iterator[Row]:
    for pk in Post.objects.filter(track=loser).order_by("pk").values_list("pk", flat=True).iterator():
        yield Row(loser.pk, TABLE, pk, {"track_id": loser.pk}, {"track_id": winner.pk})


def hold(changeset: Changeset) -> None:
    """Refusal CHANGED_SINCE 409: posts that nobody previewed. More cannot come now, for both tracks are locked."""
    if changeset.step == "undo":
        return
    previewed = changeset.rows.filter(table=TABLE).values("row_id")
    if Post.objects.filter(track=UUID(changeset.order["lose"])).exclude(pk__in=previewed).exists():
        raise Conflict("The track that goes came into further posts since. Preview it again.", "CHANGED_SINCE")


register("social", mover, first=hold)
