"""Who sees the archive's rows: staff all of them, an owner those of own tracks (S3-14)."""

from django.db.models import Q

from apps.accounts.access import may
from apps.catalog.access import OfVisibleTracks


class ArchiveRows(OfVisibleTracks):
    def view_rule(self, user) -> Q:
        if may(user, "archive.see"):
            return Q()
        if not user.is_authenticated:
            return Q(pk__in=[])
        return Q(track__in=self._tracks().filter(owner=user).values("pk"))

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "archive.run") else Q(pk__in=[])
