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

    def moderate_rule(self, user) -> Q:
        return Q(status__in=["shown", "hidden"]) if may(user, "social.moderate") else Q(pk__in=[])

    def shown(self):
        """What everybody reads, whoever asks."""
        return self.filter(status="shown")

    def of(self, person):
        """What this person said: a choice of rows, and no leave to see them."""
        return self.filter(author=person)


class PostAccess(SaidAccess):
    pass


class CommentAccess(SaidAccess):
    """Comments are seen where their post is."""

    def view_rule(self, user) -> Q:
        posts = self.model._meta.get_field("post").related_model.objects
        return super().view_rule(user) & Q(post__in=posts.visible_to(user).values("pk"))


class ForModerators(AccessQuerySet):
    """Reports and what was decided about them: the moderators' alone; a report is also who made it."""

    def view_rule(self, user) -> Q:
        if may(user, "social.moderate"):
            return Q()
        return Q(by=user) if user.is_authenticated else Q(pk__in=[])

    def edit_rule(self, user) -> Q:
        return Q() if may(user, "social.moderate") else Q(pk__in=[])
