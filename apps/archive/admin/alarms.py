"""Alarms as staff see them: what is in danger, since when, and who heard of it."""

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive import watching
from apps.archive.models import Alarm
from apps.lib.admin import ReadOnlyAdmin, badge, choice_filter, countdown, page_of

STATES = {state: (state, Q(state=state)) for state in Alarm.machine.states}
KINDS = {kind.value: (kind.label, Q(kind=kind)) for kind in Alarm.Kind}
TONES = {"raised": "danger", "over": "success"}


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    list_display = ["what", "state_badge", "message", "raised", "ended", "mailed", "called"]
    list_display_links = ["what"]
    list_filter = [choice_filter("state", "state", STATES, at_hand=True), choice_filter("kind", "kind", KINDS)]
    ordering = ["-id"]
    sortable_by = ["raised"]
    fieldsets = [
        (None, {"fields": ["what", "state_badge", "message", "number"]}),
        ("Told", {"fields": [("raised", "ended"), ("mailed", "called")]}),
        ("Record", {"fields": ["id"]}),
    ]

    def get_urls(self):
        test = path("test/", self.admin_site.admin_view(self.send_test), name="archive_alarm_test")
        return [test, *super().get_urls()]

    def send_test(self, request: HttpRequest) -> HttpResponse:
        """An alarm that is none, told as every other."""
        if not request.user.has_perm("archive.run"):
            return HttpResponse(status=403)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        alarm = watching.raise_test()
        self.log_addition(request, alarm, "A test alarm.")
        self.message_user(request, "A test alarm was sent wherever alarms go. Its end follows within two minutes.")
        return HttpResponseRedirect(page_of(alarm))

    @display(description="danger")
    def what(self, alarm) -> str:
        return alarm.get_kind_display()

    @display(description="state")
    def state_badge(self, alarm) -> SafeString:
        return badge(alarm.state, TONES[alarm.state])

    @display(description="raised", ordering="id")
    def raised(self, alarm) -> str:
        return countdown(alarm.created_at)

    @display(description="over")
    def ended(self, alarm) -> str:
        return countdown(alarm.over_at)

    @display(description="told by e-mail")
    def mailed(self, alarm) -> str:
        return countdown(alarm.mailed_at)

    @display(description="told to the webhook")
    def called(self, alarm) -> str:
        return countdown(alarm.called_at)
