"""What moderators decided: to be read, never changed."""

from django.contrib import admin
from django.db.models import Q
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib.admin import ReadOnlyAdmin, badge, choice_filter, link_to
from apps.social.admin.asking import line, name_of
from apps.social.models import Decision

TONES = {"hid": "warning", "restored": "success", "dismissed": ""}
DID = {did: (did, Q(did=did)) for did in Decision.Did.values}
ABOUT = {"post": ("posts", Q(post__isnull=False)), "comment": ("comments", Q(comment__isnull=False))}


def did_badge(decision: Decision) -> SafeString:
    return badge(decision.get_did_display().lower(), TONES[decision.did])


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ["decided", "what", "about", "why", "person"]
    list_filter = [
        choice_filter("decision", "did", DID, at_hand=True),
        choice_filter("about", "about", ABOUT, at_hand=True),
        "created_at",
    ]
    search_fields = ["reason", "by__email__iexact", "by__profile__username__iexact"]
    search_help_text = "Reason, moderator's username or e-mail, id of a post or comment"
    identities = ("pk", "post", "comment", "by")
    ordering = ["-id"]
    sortable_by = ["decided"]
    fields = [("what", "decided"), "about", "why", "person", "id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("post", "comment", "by__profile")

    def called(self, decision) -> str:
        return f"{decision.get_did_display()}: {line(decision.said, 60)}"

    @display(description="decided", ordering="id")
    def decided(self, decision) -> str:
        return f"{decision.created_at:%Y-%m-%d %H:%M}"

    @display(description="decision")
    def what(self, decision) -> SafeString:
        return did_badge(decision)

    @display(description="about")
    def about(self, decision) -> SafeString:
        return link_to(decision.said, line(decision.said))

    @display(description="reason")
    def why(self, decision) -> str:
        return decision.reason

    @display(description="moderator")
    def person(self, decision) -> SafeString | str:
        return link_to(decision.by, name_of(decision.by)) or name_of(None)
