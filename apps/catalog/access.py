"""Who sees, changes and hears which track. Nobody else reads the access columns."""

from django.db.models import BooleanField, ExpressionWrapper, Q

from apps.accounts.access import may
from apps.lib.access import AccessQuerySet

FULL_FILE_TIERS = ("pro", "enterprise")


class TrackAccess(AccessQuerySet):
    def view_rule(self, user) -> Q:
        """Public and ready: everyone, also before sign-in. Private: owner and staff (S0-27). Removed: staff only."""
        if may(user, "catalog.see_all"):
            return Q()
        rule = Q(is_public=True, status="ready")
        if user.is_authenticated:
            rule |= Q(owner=user)
        return rule & Q(removed_at__isnull=True)

    def edit_rule(self, user) -> Q:
        if may(user, "catalog.curate"):
            return Q(removed_at__isnull=True)
        if user.is_authenticated:
            return Q(owner=user, removed_at__isnull=True)
        return Q(pk__in=[])

    def play_rule(self, user) -> Q:
        """Of the visible tracks, those whose full file this person gets; of the others they get the preview (S1-05)."""
        if may(user, "catalog.see_all") or (user.is_authenticated and user.tier in FULL_FILE_TIERS):
            return Q(pk__isnull=False)
        rule = Q(is_pro_only=False)
        if user.is_authenticated:
            rule |= Q(owner=user)
        return rule

    def playable_by(self, user):
        return self.visible_to(user).filter(self.play_rule(user))

    def with_playable(self, user):
        """Adds `playable`: whether this person gets the full file."""
        return self.annotate(playable=ExpressionWrapper(self.play_rule(user), output_field=BooleanField()))

    def of(self, person):
        """What this person made, removed or not: a choice of rows, and no leave to see them."""
        return self.filter(owner=person)

    def live(self):
        return self.filter(removed_at__isnull=True)

    def public(self):
        """What the front page shows to everyone, whoever asks."""
        return self.filter(is_public=True, status="ready", removed_at__isnull=True)


class OfVisibleTracks(AccessQuerySet):
    """Rows that belong to a `track` and are seen and changed with it."""

    def _tracks(self):
        return self.model._meta.get_field("track").related_model.objects

    def view_rule(self, user) -> Q:
        return Q(track__in=self._tracks().visible_to(user).values("pk"))

    def edit_rule(self, user) -> Q:
        return Q(track__in=self._tracks().editable_by(user).values("pk"))


class AccessToPairs(AccessQuerySet):
    """Pairs of tracks are the curators' business alone."""

    def view_rule(self, user) -> Q:
        return Q() if may(user, "catalog.see_all") else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "catalog.curate") else Q(pk__in=[])
