"""Who sees and changes which playlist. Nobody else reads the access columns."""

from django.db.models import Q

from apps.accounts.access import may
from apps.lib.access import AccessQuerySet


class PlaylistAccess(AccessQuerySet):
    def view_rule(self, user) -> Q:
        """Public: everyone. Private: its owner, its members and staff."""
        if may(user, "playlists.see_all"):
            return Q()
        rule = Q(is_public=True)
        if user.is_authenticated:
            rule |= Q(owner=user) | Q(pk__in=self._joined(user))
        return rule

    def edit_rule(self, user) -> Q:
        """Its name, cover, privacy and members: its owner, and staff."""
        if may(user, "playlists.curate"):
            return Q()
        return Q(owner=user) if user.is_authenticated else Q(pk__in=[])

    def fill_rule(self, user) -> Q:
        """Its entries: also members who are editors, while it is collaborative."""
        rule = self.edit_rule(user)
        if user.is_authenticated:
            rule |= Q(is_collaborative=True, pk__in=self._joined(user).filter(role="editor"))
        return rule

    def fillable_by(self, user):
        return self.filter(self.fill_rule(user))

    def of(self, person):
        """What this person made: a choice of rows, and no leave to see them."""
        return self.filter(owner=person)

    def _joined(self, user):
        members = self.model._meta.get_field("members").related_model.objects
        return members.filter(user=user).values("playlist")


class OfVisiblePlaylists(AccessQuerySet):
    """Rows that belong to a `playlist`: seen with it, and changed by who may fill it."""

    def _playlists(self):
        return self.model._meta.get_field("playlist").related_model.objects

    def view_rule(self, user) -> Q:
        return Q(playlist__in=self._playlists().visible_to(user).values("pk"))

    def edit_rule(self, user) -> Q:
        return Q(playlist__in=self._playlists().fillable_by(user).values("pk"))
