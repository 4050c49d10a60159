"""Orders over thousands of files: how far each is, seen while it goes."""

from django.contrib import admin
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive import orders
from apps.archive.models import Order
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, countdown

TONES = {"due": "info", "running": "info", "done": "success", "stopped": "danger"}
STATES = {state: (state, Q(state=state)) for state in Order.machine.states}


def standing(request: HttpRequest, row: Order) -> str:
    """How far it is."""
    context = {
        "row": row,
        **{name: f"{getattr(row, name):,}" for name in ("seen", "total", "done")},
        "badge": badge(row.state, TONES[row.state]),
        "in_work": row.state in ("due", "running"),
        "address": reverse("admin:archive_order_panel", args=[row.pk]),
    }
    return render_to_string("admin/archive/order.html", context)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ["what", "state_badge", "total", "seen", "done", "by", "asked"]
    list_display_links = ["what"]
    list_filter = [choice_filter("state", "state", STATES, at_hand=True)]
    list_select_related = ["asked_by__profile"]
    ordering = ["-id"]
    sortable_by = ["asked"]
    actions_detail = ["stop_order"]
    panels = (standing,)
    fieldsets = [("Record", {"fields": ["what", ("by", "asked"), ("total", "seen", "done"), "error_message", "id"]})]

    class Media:
        js = ["admin-keeptrack/poll.js"]

    def get_queryset(self, request):
        """Without the keys, of which one order may name a hundred thousand."""
        return super().get_queryset(request).select_related("asked_by__profile").defer("assets")

    def get_urls(self):
        panel = path("<uuid:pk>/panel/", self.admin_site.admin_view(self.panel), name="archive_order_panel")
        return [panel, *super().get_urls()]

    def panel(self, request: HttpRequest, pk) -> HttpResponse:
        """Only where it stands, for a page that is open."""
        row = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return HttpResponse(standing(request, row))

    @display(description="what")
    def what(self, order) -> str:
        return str(order)

    @display(description="state")
    def state_badge(self, order) -> SafeString:
        return badge(order.state, TONES[order.state])

    @display(description="by")
    def by(self, order) -> str:
        return str(order.asked_by or "")

    @display(description="asked for", ordering="id")
    def asked(self, order) -> str:
        return countdown(order.created_at)

    @button("Stop", needs="archive.run", icon="stop_circle", sure="What was brought forward stays so.",
            offered=lambda order: order.state in ("due", "running"))  # fmt: skip
    def stop_order(self, request, order) -> str:
        orders.stop(order)
        return "It is stopped."
