"""Generations that are waited for, as staff see them."""

from django.contrib import admin
from django.db.models import Q
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive import generations, tasks
from apps.archive.admin.facts import reason
from apps.archive.models import Generation
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, countdown

TONES = {"waiting": "info", "running": "info", "finished": "success", "failed": "danger", "expired": "warning"}
STATES = {state: (state, Q(state=state)) for state in Generation.machine.states}


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    list_display = ["title", "provider", "state_badge", "said", "next_ask", "attempts", "created", "error"]
    list_filter = [choice_filter("state", "state", STATES, at_hand=True), ("provider", admin.RelatedFieldListFilter)]
    search_fields = ["title", "provider_track_id__exact", "owner__email"]
    search_help_text = "Title, provider's id, owner's e-mail or id"
    identities = ("pk",)
    list_select_related = ["provider"]
    ordering = ["-id"]
    sortable_by = ["created", "attempts"]
    actions_detail = ["ask_now"]
    fieldsets = [
        (None, {"fields": ["title", ("provider", "provider_track_id"), ("state_badge", "said"), "owner", "made"]}),
        ("Asking", {"fields": [("next_ask", "asked_at", "ends_at"), ("attempts", "crashes")]}),
        ("Failure", {"fields": ["error_code", "error_message"]}),
        ("Record", {"fields": ["facts", "songs", ("lease_until", "token"), ("created_at", "updated_at"), "id"]}),
    ]

    @display(description="state")
    def state_badge(self, row) -> SafeString:
        return badge(row.state, TONES[row.state])

    @display(description="asked for next")
    def next_ask(self, row) -> str:
        return countdown(row.next_at)

    @display(description="created", ordering="id")
    def created(self, row) -> str:
        return countdown(row.created_at)

    @display(description="error")
    def error(self, row) -> str:
        return reason(row)

    @display(description="tracks")
    def made(self, row) -> str:
        return ", ".join(map(str, row.tracks.all()))

    @button("Ask now", needs="archive.run", icon="sync", offered=lambda row: row.state != "finished")
    def ask_now(self, request, row) -> str:
        generations.hasten(row)
        tasks.nudge_asking()
        return "Its provider is asked next."
