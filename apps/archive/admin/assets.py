"""Files to archive: what is about to expire, what went wrong, and the buttons to act on it."""

import datetime as dt
from functools import partial

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from unfold.decorators import display

from apps.archive import actions, orders, tasks
from apps.archive.admin import desk, handing
from apps.archive.admin.facts import AssetFacts, reason
from apps.archive.models import OPEN_STATES, ArchiveAsset, Order
from apps.catalog.models import Track
from apps.lib import nudges
from apps.lib.admin import MOST_AT_ONCE, ReadOnlyAdmin, button, choice_filter, page_of
from apps.lib.errors import Refusal

DESK = {
    "open": ("open", Q(state__in=OPEN_STATES)),
    "archived": ("archived", Q(state="archived")),
    "lost": ("lost", Q(state="lost")),
    "gone": ("gone suspect", Q(state="gone_suspect")),
    "quarantined": ("quarantined", Q(state="quarantined")),
    "dropped": ("dropped with its track", Q(state="dropped")),
}


def _expires_within(length: dt.timedelta):
    return lambda now: Q(expires_at__gt=now, expires_at__lte=now + length)


EXPIRES = {
    "1h": ("within 1 hour", _expires_within(dt.timedelta(hours=1))),
    "24h": ("within 24 hours", _expires_within(dt.timedelta(days=1))),
    "2d": ("within 2 days", _expires_within(dt.timedelta(days=2))),
    "over": ("expired", lambda now: Q(expires_at__lte=now)),
}


@admin.register(ArchiveAsset)
class AssetAdmin(AssetFacts, ReadOnlyAdmin):
    list_display = ["title", "kind", "provider", "state_badge", "expires", "attempts", "crashes", "next_try", "error"]
    list_filter = [
        choice_filter("state", "desk", DESK, default="open", at_hand=True),
        choice_filter("expiry", "expires", EXPIRES, at_hand=True),
        "kind",
        ("track__source__provider", admin.RelatedFieldListFilter),
    ]
    search_fields = ["track__title", "track__source__provider_track_id__exact", "error_code"]
    search_help_text = "Track's title, provider's id, error code, asset id or track id"
    identities = ("pk", "track")
    list_select_related = ["track__source__provider"]
    ordering = ["expires_at", "id"]
    sortable_by = ["expires", "next_try", "attempts", "crashes"]
    actions = ["archive_tracks", "retry_assets"]
    list_disable_select_all = False
    actions_row = actions_detail = ["retry", "archive_now"]
    panels = (handing.way,)
    fieldsets = [
        (None, {"fields": ["track", ("kind", "state_badge"), ("expires", "next_try"), "address"]}),
        ("Tries", {"fields": [("attempts", "crashes"), ("gone_checks", "gone_since"), "error_code", "error_message"]}),
        ("Result", {"fields": ["blob", "archived_at", "lost_at"]}),
        ("Record", {"fields": [("lease_until", "token"), ("created_at", "updated_at"), "id"]}),
    ]

    def has_run_permission(self, request) -> bool:
        return request.user.has_perm("archive.run")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("track__source__provider", "blob")

    def called(self, asset) -> str:
        return f"{asset.kind} of {asset.track}"

    def get_urls(self):
        page = path("desk/", self.admin_site.admin_view(partial(desk.desk, self)), name="archive_archiveasset_desk")
        form = self.admin_site.admin_view(partial(handing.page, self))
        return [page, path("<uuid:pk>/hand-in/", form, name="archive_archiveasset_hand_in"), *super().get_urls()]

    @display(description="track")
    def title(self, asset) -> str:
        return str(asset.track)

    @display(description="provider")
    def provider(self, asset) -> str:
        return asset.track.source.provider.name

    @display(description="error")
    def error(self, asset) -> str:
        return reason(asset)

    @display(description="address")
    def address(self, asset) -> str:
        return asset.source_url

    @button("Retry", needs="archive.run", icon="replay", offered=lambda asset: asset.state in (*OPEN_STATES, "lost"))
    def retry(self, request, asset) -> str:
        actions.retry(asset=asset, by=request.user)
        nudges.send(tasks.work)
        return "It is due now; a worker takes it next."

    @button("Archive now", needs="archive.run", icon="archive", offered=lambda asset: asset.state != "dropped")
    def archive_now(self, request, asset) -> str:
        return archive_track(request, asset.track)

    @admin.action(description="Archive now", permissions=["run"])
    def archive_tracks(self, request, queryset) -> HttpResponse | None:
        """Once per track, however many of its files were chosen."""
        if is_many(queryset):
            return self._order(request, Order.Verb.ARCHIVE, queryset)
        chosen = list({asset.track_id: asset for asset in queryset}.values())
        self.each(request, chosen, "Archive now", lambda asset: actions.request(track=asset.track, by=request.user))
        nudges.send(tasks.work)

    @admin.action(description="Retry", permissions=["run"])
    def retry_assets(self, request, queryset) -> HttpResponse | None:
        if is_many(queryset):
            return self._order(request, Order.Verb.RETRY, queryset)
        self.each(request, queryset, "Retry", lambda asset: actions.retry(asset=asset, by=request.user))
        nudges.send(tasks.work)

    def _order(self, request: HttpRequest, verb: str, queryset: QuerySet) -> HttpResponse | None:
        """A worker does it, and its page shows how far it is."""
        try:
            order = orders.ask(verb=verb, rows=queryset, by=request.user)
        except Refusal as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return None
        nudges.send(tasks.follow_orders)
        return HttpResponseRedirect(page_of(order))


def is_many(rows: QuerySet) -> bool:
    """More than a page does while somebody waits."""
    return rows.order_by()[: MOST_AT_ONCE + 1].count() > MOST_AT_ONCE


def archive_track(request, track: Track) -> str:
    actions.request(track=track, by=request.user)
    nudges.send(tasks.work)
    return "The track is due now; a worker archives it next."
