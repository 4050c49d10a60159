"""Who sees the archive's rows: staff all of them, an owner those of own tracks (S3-14)."""

from django.db.models import Q

from apps.accounts.access import may
from apps.catalog.access import OfVisibleTracks
from apps.catalog.models import Track
from apps.lib.access import AccessQuerySet
from apps.lib.errors import NotFound


def archivable(user, track_id) -> Track:
    """The track to archive: who runs the archive may name any, also one not theirs to hear; others their own."""
    if not may(user, "archive.run"):
        return Track.objects.get_editable(user, pk=track_id)
    track = Track.objects.filter(pk=track_id).first()
    if track is None:
        raise NotFound
    return track


class StaffRows(AccessQuerySet):
    """Rows that are about the house itself and nobody's own."""

    def view_rule(self, user) -> Q:
        return Q() if may(user, "archive.see") else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "archive.run") else Q(pk__in=[])


class ArchiveRows(OfVisibleTracks):
    def view_rule(self, user) -> Q:
        if may(user, "archive.see"):
            return Q()
        if not user.is_authenticated:
            return Q(pk__in=[])
        return Q(track__in=self._tracks().filter(owner=user).values("pk"))

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "archive.run") else Q(pk__in=[])

    def of_people(self, owners=None):
        """Assets of these owners' tracks; without any given, of tracks that somebody owns."""
        return self.filter(track__owner__isnull=False) if owners is None else self.filter(track__owner__in=owners)

    def of_others(self, owners):
        """Assets of all but these; None among them stands for the tracks that nobody owns."""
        rows = self.exclude(track__owner__in=[owner for owner in owners if owner])
        return rows.of_people() if None in owners else rows


class LedgerRows(AccessQuerySet):
    """As the assets that they tell of, by the track's bare id; nobody changes them."""

    def view_rule(self, user) -> Q:
        if may(user, "archive.see"):
            return Q()
        if not user.is_authenticated:
            return Q(pk__in=[])
        return Q(track__in=Track.objects.filter(owner=user).values("pk"))

    def edit_rule(self, user) -> Q:
        return Q(pk__in=[])


class AccessToManifests(StaffRows):
    """A day's manifest tells of everybody's tracks: it is staff's to read, and nobody's to change."""

    def edit_rule(self, user) -> Q:
        return Q(pk__in=[])


class Generations(AccessQuerySet):
    """Announced generations: their owner's, and staff's who see the archive."""

    def view_rule(self, user) -> Q:
        return Q() if may(user, "archive.see") else self._own(user)

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "archive.run") else self._own(user)

    def _own(self, user) -> Q:
        return Q(owner=user) if user.is_authenticated else Q(pk__in=[])

    def of(self, person):
        """What this person announced: a choice of rows, and no leave to see them."""
        return self.filter(owner=person)
