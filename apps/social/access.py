"""Who sees and changes what people say. Nobody else reads the access columns."""

from django.db.models import Q

from apps.accounts.access import may
from apps.lib.access import AccessQuerySet


class SaidAccess(AccessQuerySet):
    """Posts and comments: shown ones are everyone's, hidden ones their author's and the moderators'.

    A post never lends access to its track: that is asked apart.
    """

    def view_rule(self, user) -> Q:
        if may(user, "social.see_all"):
            return Q()
        rule = Q(status="shown")
        if user.is_authenticated:
            rule |= Q(status="hidden", author=user)
        return rule

    def edit_rule(self, user) -> Q:
        """Its words: the author's alone, while it is there; moderators hide, they do not rewrite."""
        return Q(author=user, status__in=["shown", "hidden"]) if user.is_authenticated else Q(pk__in=[])

    def moderated_by(self, user):
        """What this person may decide on: everything, or nothing. Whether it can still be is said by `moderation`."""
        return self if may(user, "social.moderate") else self.none()

    def shown(self):
        """What everybody reads, whoever asks."""
        return self.filter(status="shown")

    def of(self, person):
        """What this person said: a choice of rows, and no leave to see them."""
        return self.filter(author=person)


class PostAccess(SaidAccess):
    def open_to(self, user):
        """Posts that this person may like and answer: those that everybody reads, whoever they are."""
        return self.shown() if user.is_authenticated else self.none()


def may_show(person, track) -> bool:
    """Whether somebody may show this track to others in a post (S0-27): their own, and what is public anyway."""
    return track.is_public or track.owner_id == person.pk


class CommentAccess(SaidAccess):
    """Comments are seen, and changed by their author, where their post is seen."""

    def view_rule(self, user) -> Q:
        return super().view_rule(user) & self._below(user)

    def edit_rule(self, user) -> Q:
        return super().edit_rule(user) & self._below(user)

    def _below(self, user) -> Q:
        posts = self.model._meta.get_field("post").related_model.objects
        return Q(post__in=posts.visible_to(user).values("pk"))


class ForModerators(AccessQuerySet):
    """Reports and what was decided about them: the moderators' alone; a report is also who made it."""

    def view_rule(self, user) -> Q:
        if may(user, "social.moderate"):
            return Q()
        return Q(by=user) if user.is_authenticated else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "social.moderate") else Q(pk__in=[])
