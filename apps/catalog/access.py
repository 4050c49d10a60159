"""Who sees, changes and hears which track. Nobody else reads the access columns."""

from django.db.models import BooleanField, ExpressionWrapper, F, Q

from apps.accounts.access import may
from apps.lib.access import AccessQuerySet

FULL_FILE_TIERS = ("pro", "enterprise")
# What the rules below read beside `removed_at`. `facet_index` keeps it in memory and answers these very rules by it.
DECIDING = ("is_public", "is_pro_only", "status", "owner_id")


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

    def successor(self, user, pk):
        """The id of the track that a merged one lives on in; None when there is none that this person sees.

        Who did not see the merged one before does not learn of it now.
        """
        theirs = Q(is_public=True) | (Q(owner=user) if user.is_authenticated else Q(pk__in=[]))
        merged = self.filter(status="merged") if may(user, "catalog.see_all") else self.filter(theirs, status="merged")
        passed = set()
        while pk not in passed:
            passed.add(pk)
            pk = merged.filter(pk=pk).values_list("merged_into", flat=True).first()
            if pk and self.live().visible_to(user).filter(pk=pk).exists():
                return pk
        return None

    def playable_by(self, user):
        return self.visible_to(user).filter(self.play_rule(user))

    def with_playable(self, user):
        """Adds `playable`: whether this person gets the full file."""
        return self.annotate(playable=ExpressionWrapper(self.play_rule(user), output_field=BooleanField()))

    def with_pro_only(self):
        """Adds `for_pro`: whether the full file is for pro members, for those who weigh it and decide no access."""
        return self.annotate(for_pro=F("is_pro_only"))

    def of(self, person):
        """What this person made, removed or not: a choice of rows, and no leave to see them."""
        return self.filter(owner=person)

    def named_rule(self, usernames) -> Q:
        """Tracks of the people with these names, in whatever case: a choice of rows, and no leave to see them."""
        people = self.model._meta.get_field("owner").related_model.objects.filter(profile__username__alike=usernames)
        return Q(owner__in=people.values_list("pk", flat=True))

    def pro_only_rule(self, yes: bool) -> Q:
        """Which of the visible tracks are for pro members; everyone sees that they are."""
        return Q(is_pro_only=yes)

    def live_rule(self) -> Q:
        return Q(removed_at__isnull=True)

    def live(self):
        return self.filter(self.live_rule())

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
