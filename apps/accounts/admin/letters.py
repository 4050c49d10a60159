"""E-mail on its way: what got stuck, and why. What a letter says is for its reader alone: it may hold a token."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.accounts import letters, tasks
from apps.accounts.models import Letter
from apps.lib import nudges
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, countdown

TONES = {"queued": "info", "running": "info", "retrying": "warning", "sent": "success", "failed": "danger"}
STATES = {state: (state, Q(state=state)) for state in Letter.machine.states}


def letter_badge(letter: Letter) -> SafeString:
    return badge(letter.state, TONES[letter.state])


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    list_display = ["subject_line", "recipient", "state_badge", "attempts", "written", "next_try", "sent", "error"]
    list_filter = [choice_filter("state", "state", STATES, at_hand=True), "created_at"]
    search_fields = ["recipient", "subject", "error_code"]
    search_help_text = "Recipient, subject, error code or letter id"
    ordering = ["-id"]
    sortable_by = ()
    actions = ["send_all_again"]
    actions_row = actions_detail = ["send_again"]
    fieldsets = [
        (None, {"fields": ["recipient", "subject", "state_badge", ("written", "next_try", "sent")]}),
        ("Tries", {"fields": [("attempts", "crashes"), "error_code", "error_message"]}),
        ("Record", {"fields": [("lease_until", "token"), "id"]}),
    ]

    def has_send_permission(self, request) -> bool:
        return request.user.has_perm("accounts.change_letter")

    def get_queryset(self, request):
        return super().get_queryset(request).defer("sealed")

    @display(description="subject")
    def subject_line(self, letter) -> SafeString:
        return format_html('<span class="clipped" title="{0}">{0}</span>', letter.subject)

    @display(description="state")
    def state_badge(self, letter) -> SafeString:
        return letter_badge(letter)

    @display(description="written")
    def written(self, letter) -> str:
        return countdown(letter.created_at)

    @display(description="next try")
    def next_try(self, letter) -> str:
        return countdown(letter.next_at)

    @display(description="sent")
    def sent(self, letter) -> str:
        return countdown(letter.sent_at)

    @display(description="error")
    def error(self, letter) -> SafeString:
        return format_html('<span class="clipped" title="{0}">{0}</span>', letter.error_message)

    @button("Send again", needs="accounts.change_letter", icon="forward_to_inbox",
            offered=lambda letter: letter.state == "failed")  # fmt: skip
    def send_again(self, request, letter) -> str:
        letters.again(letter=letter)
        nudges.send(tasks.post)
        return "It is on its way again."

    @admin.action(description="Send again", permissions=["send"])
    def send_all_again(self, request, queryset) -> None:
        self.each(request, queryset, "Send again", lambda letter: letters.again(letter=letter))
        nudges.send(tasks.post)
