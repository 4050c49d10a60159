"""Who sees and changes which playlist. Nobody else reads the access columns."""

from django.db.models import F, Q

from apps.accounts.access import may
from apps.lib.access import AccessQuerySet
from apps.lib.errors import Forbidden


class PlaylistAccess(AccessQuerySet):
    def view_rule(self, user) -> Q:
        """Public: everyone. Private: its owner, its members and staff."""
        return self.share_rule(user) | self.public_rule()

    def share_rule(self, user) -> Q:
        """Who else works on it: its owner, its members and staff."""
        if may(user, "playlists.see_all"):
            return Q(pk__isnull=False)
        return self.mine_rule(user) if user.is_authenticated else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        """Its name, cover, privacy and members: its owner, and staff."""
        if may(user, "playlists.curate"):
            return Q(pk__isnull=False)
        return Q(owner=user) if user.is_authenticated else Q(pk__in=[])

    def fill_rule(self, user) -> Q:
        """Its entries: also members who are editors, while it is collaborative."""
        rule = self.edit_rule(user)
        if user.is_authenticated:
            rule |= Q(is_collaborative=True, pk__in=self._joined(user).filter(role="editor").values("playlist"))
        return rule

    def public_rule(self) -> Q:
        return Q(is_public=True)

    def mine_rule(self, user) -> Q:
        """Those that somebody made or is a member of: a choice of rows."""
        return Q(owner=user) | self.joined_rule(user)

    def joined_rule(self, user) -> Q:
        return Q(pk__in=self._joined(user).values("playlist"))

    def fillable_by(self, user):
        return self.filter(self.fill_rule(user))

    def get_fillable(self, user, **key):
        """The row, NotFound when it is hidden, Forbidden when its entries are not theirs to change."""
        return self._within(self.fill_rule(user), user, key)

    def get_shared(self, user, **key):
        """The row, NotFound when it is hidden, Forbidden for who is not among its people."""
        return self._within(self.share_rule(user), user, key)

    def _within(self, rule: Q, user, key: dict):
        row = self.filter(rule).filter(**key).first()
        if row is None:
            self.get_visible(user, **key)
            raise Forbidden
        return row

    def with_audience(self):
        """Adds `for_all`: whether everyone sees it, for those who tell of it and decide no access."""
        return self.annotate(for_all=F("is_public"))

    def public(self):
        return self.filter(self.public_rule())

    def of(self, person):
        """What this person made: a choice of rows, and no leave to see them."""
        return self.filter(owner=person)

    def joined_by(self, person):
        """What this person is a member of: a choice of rows."""
        return self.filter(self.joined_rule(person))

    def _joined(self, user):
        return self.model._meta.get_field("members").related_model.objects.filter(user=user)


class OfVisiblePlaylists(AccessQuerySet):
    """Rows that belong to a `playlist`: seen with it, and changed by who may fill it."""

    def _playlists(self):
        return self.model._meta.get_field("playlist").related_model.objects

    def view_rule(self, user) -> Q:
        return Q(playlist__in=self._playlists().visible_to(user).values("pk"))

    def edit_rule(self, user) -> Q:
        return Q(playlist__in=self._playlists().fillable_by(user).values("pk"))


class MemberAccess(OfVisiblePlaylists):
    """Who is in a playlist its owner, its members and staff see; its owner and staff change it, and each may leave."""

    def view_rule(self, user) -> Q:
        playlists = self._playlists()
        return Q(playlist__in=playlists.filter(playlists.share_rule(user)).values("pk"))

    def edit_rule(self, user) -> Q:
        rule = Q(playlist__in=self._playlists().editable_by(user).values("pk"))
        return rule | Q(user=user) if user.is_authenticated else rule


class ImportAccess(AccessQuerySet):
    """Who brought a playlist file in sees and settles what was found of it; staff see it."""

    def view_rule(self, user) -> Q:
        if may(user, "playlists.see_all"):
            return Q()
        return Q(user=user) if user.is_authenticated else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        return Q(user=user) if user.is_authenticated else Q(pk__in=[])


class OfVisibleImports(AccessQuerySet):
    """Lines of an import, seen and changed with it."""

    def _imports(self):
        return self.model._meta.get_field("imported").related_model.objects

    def view_rule(self, user) -> Q:
        return Q(imported__in=self._imports().visible_to(user).values("pk"))

    def edit_rule(self, user) -> Q:
        return Q(imported__in=self._imports().editable_by(user).values("pk"))
