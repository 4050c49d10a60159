"""The hosts that serve files: which of them are left alone just now, why, and until when."""

import datetime as dt

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive import hosts, tasks
from apps.archive.models import ArchiveHost
from apps.lib import nudges
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, countdown, press

TONES = {"open": "success", "slowed": "info", "paused": "warning", "probing": "warning", "shut": "danger"}


def _held(now: dt.datetime) -> Q:
    return Q(open_until__isnull=False) | Q(paused_until__gt=now)


def _is_held(row: ArchiveHost) -> bool:
    return row.open_until is not None or row.paused_until is not None


@admin.register(ArchiveHost)
class HostAdmin(ReadOnlyAdmin):
    list_display = ["name", "gate", "opens", "left", "failures", "answered", "failed", "error_code", "act"]
    list_filter = [choice_filter("gate", "gate", {"held": ("left alone", _held)}, at_hand=True)]
    search_fields = ["name"]
    search_help_text = "Name of the host"
    ordering = ["name"]
    sortable_by = ["name", "failures", "answered", "failed"]
    # Not in the menu of a row: Unfold makes a name in a script of the row's key, and a host's name has dots.
    actions_detail = ["close_breaker"]
    fieldsets = [
        (None, {"fields": ["name", ("gate", "opens"), "left"]}),
        ("What it answers", {"fields": [("failures", "trips"), ("answered", "failed"), "error_code"]}),
        ("Record", {"fields": [("open_until", "probing"), "paused_until", ("tokens", "filled_at")]}),
    ]

    def has_run_permission(self, request) -> bool:
        return request.user.has_perm("archive.run")

    @display(description="gate")
    def gate(self, row) -> SafeString:
        state = hosts.state_of(row, timezone.now())
        return badge(state, TONES[state])

    @display(description="opens")
    def opens(self, row) -> SafeString | str:
        until = max(filter(None, [row.open_until, row.paused_until]), default=None)
        return countdown(until) if until and until > timezone.now() else ""

    @display(description="requests left")
    def left(self, row) -> str:
        return f"{hosts.tokens_of(row, timezone.now()):.0f}"

    @display(description="last answer", ordering="last_success_at")
    def answered(self, row) -> SafeString | str:
        return countdown(row.last_success_at)

    @display(description="last failure", ordering="last_failure_at")
    def failed(self, row) -> SafeString | str:
        return countdown(row.last_failure_at)

    @display(description="")
    def act(self, row) -> SafeString | str:
        return press(row, "close_breaker", "Close the breaker") if _is_held(row) else ""

    @button("Close the breaker now", needs="archive.run", icon="power_settings_new",
            offered=_is_held)  # fmt: skip
    def close_breaker(self, request, row) -> str:
        hosts.close(row.name)
        nudges.send(tasks.work)
        return "The host is asked again at once."
