"""What happened to each file and when; the closed days; and whether all of it is whole."""

import datetime as dt

from django.contrib import admin
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.archive import tasks, verifications
from apps.archive.admin.assets import AssetAdmin
from apps.archive.admin.facts import ASSET_TONES
from apps.archive.models import EVENTS, LedgerEntry, Manifest, Verification
from apps.catalog.admin import TrackAdmin
from apps.lib import nudges, sizes
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to, moment

SHOWN = 30
LOOKED_AT = 10_000  # the newest entries, whose hosts the filter offers
TONES = {
    **ASSET_TONES, "failed": "warning", "crashed": "warning", "damaged": "danger", "repaired": "success",
    "written_off": "danger",
}  # fmt: skip
EVENT = {event: (event.replace("_", " "), Q(event=event)) for event in EVENTS}
STATES = {"due": "info", "running": "info", "whole": "success", "broken": "danger", "failed": "danger"}


def _days(first: int, last: int):
    """From the midnight so many days ago to that of so many."""

    def rule(now: dt.datetime) -> Q:
        midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Q(at__gte=midnight - dt.timedelta(days=first), at__lt=midnight - dt.timedelta(days=last))

    return rule


DAYS = {
    "today": ("today", _days(0, -1)),
    "yesterday": ("yesterday", _days(1, 0)),
    "week": ("past 7 days", _days(6, -1)),
    "month": ("past 30 days", _days(29, -1)),
}


def _hosts() -> dict:
    newest = LedgerEntry.objects.order_by("-seq").values("origin")[:LOOKED_AT]
    names = sorted({row["origin"].partition("://")[2] for row in newest} - {""})
    return {name: (name, Q(origin__in=[f"https://{name}", f"http://{name}"])) for name in names}


def _panel(request: HttpRequest, rows, more: str) -> str:
    if not request.user.has_perm("archive.view_ledgerentry"):
        return ""
    found = list(rows.order_by("-seq")[: SHOWN + 1])
    lines = [
        {"entry": entry, "when": link_to(entry, moment(entry.at)), "event": event_badge(entry), "answer": answer(entry)}
        for entry in found[:SHOWN]
    ]
    context = {"lines": lines, "more": more if len(found) > SHOWN else ""}
    return render_to_string("admin/archive/ledger.html", context)


def of_track(request: HttpRequest, track) -> str:
    """What happened to the files of a generated track, the newest first."""
    rows = LedgerEntry.objects.visible_to(request.user).filter(track=track.pk)
    return _panel(request, rows, _list(track.pk)) if hasattr(track, "source") else ""


def of_asset(request: HttpRequest, asset) -> str:
    """What happened to this one file, the newest first."""
    rows = LedgerEntry.objects.visible_to(request.user).filter(track=asset.track_id, asset=asset.pk)
    return _panel(request, rows, _list(asset.pk))


def _list(key) -> str:
    return f"{reverse('admin:archive_ledgerentry_changelist')}?q={key}"


def event_badge(entry: LedgerEntry) -> SafeString:
    return badge(entry.get_event_display(), TONES.get(entry.event, ""))


def answer(entry: LedgerEntry) -> str:
    """What the source answered and what was read, in a few words."""
    facts, words = entry.facts, [entry.error_code]
    if "status" in facts:
        words.append(f"HTTP {facts['status']}")
    words += [str(facts[name]) for name in ("content_type", "format") if facts.get(name)]
    if entry.size:
        words.append(sizes.words(entry.size))
    if "seconds" in facts:
        words.append(f"{facts['seconds']} s")
    return ", ".join(filter(None, words))


@admin.register(LedgerEntry)
class LedgerAdmin(ReadOnlyAdmin):
    list_display = ["when", "event_words", "kind", "answered", "host", "token", "track_link"]
    list_display_links = ["when"]
    list_filter = [
        choice_filter("day", "day", DAYS, at_hand=True),
        choice_filter("event", "event", EVENT),
        choice_filter("host", "host", _hosts),
    ]
    search_fields = ["sha256__exact", "error_code__exact"]
    search_help_text = "Track id, asset id, SHA-256 or error code"
    identities = ("track", "asset")
    ordering = ["-seq"]
    sortable_by = []
    fieldsets = [
        (None, {"fields": [("when", "event_words", "kind"), ("state_from", "state_to"), "track_link", "asset"]}),
        ("Try", {"fields": [("token", "attempts", "crashes"), "error_code", "origin", "url_sha256"]}),
        ("Bytes", {"fields": ["sha256", "size", "facts"]}),
        ("Record", {"fields": ["seq"]}),
    ]

    @display(description="when")
    def when(self, entry) -> str:
        return moment(entry.at)

    @display(description="event")
    def event_words(self, entry) -> SafeString:
        return event_badge(entry)

    @display(description="answer")
    def answered(self, entry) -> str:
        return answer(entry)

    @display(description="host")
    def host(self, entry) -> str:
        return entry.origin.partition("://")[2]

    @display(description="track")
    def track_link(self, entry) -> SafeString | str:
        """By its bare id: the entry outlives the track."""
        if entry.track is None:
            return ""
        address = reverse("admin:catalog_track_change", args=[entry.track])
        return format_html('<a href="{}" class="text-link">{}</a>', address, entry.track)


def standing(request: HttpRequest, looked: Verification) -> str:
    """How far a look is or what it found. While a worker is at it, the page asks for this again."""
    context = {
        "looked": looked,
        "badge": badge(looked.state, STATES[looked.state]),
        "in_work": looked.state in verifications.OPEN,
        "address": reverse("admin:archive_verification_panel", args=[looked.pk]),
    }
    return render_to_string("admin/archive/verification.html", context, request=request)


def newest_look(request: HttpRequest, manifest: Manifest) -> str:
    looked = Verification.objects.visible_to(request.user).order_by("-pk").first()
    return standing(request, looked) if looked and request.user.has_perm("archive.view_verification") else ""


@admin.register(Manifest)
class ManifestAdmin(ReadOnlyAdmin):
    list_display = ["day", "entries", "short_hash", "download"]
    list_filter = ["day"]
    search_fields = ["sha256__startswith"]
    search_help_text = "SHA-256, also its beginning"
    ordering = ["-day"]
    sortable_by = []
    actions_detail = actions_row = ["verify_now"]
    panels = (newest_look,)
    fieldsets = [
        (None, {"fields": [("day", "entries", "download"), ("first", "last"), "sha256", "previous"]}),
        ("Record", {"fields": ["blob", "created_at", "id"]}),
    ]

    class Media:
        js = ["admin-keeptrack/poll.js"]

    def has_run_permission(self, request) -> bool:
        return request.user.has_perm("archive.run")

    @display(description="SHA-256")
    def short_hash(self, manifest) -> SafeString:
        return format_html('<code title="{}">{}</code>', manifest.sha256, manifest.sha256[:16])

    @display(description="first entry")
    def first(self, manifest) -> str:
        return "" if manifest.first_seq is None else f"{manifest.first_seq:,}"

    @display(description="last entry")
    def last(self, manifest) -> str:
        return "" if manifest.last_seq is None else f"{manifest.last_seq:,}"

    @display(description="file")
    def download(self, manifest) -> SafeString:
        address = reverse("archive-manifest", args=[manifest.day])
        return format_html('<a href="{}" class="text-link">Download</a>', address)

    @button("Verify now", needs="archive.run", icon="fact_check")
    def verify_now(self, request, manifest) -> str:
        verifications.ask()
        nudges.send(tasks.verify)
        return "All closed days, entries, assets and objects are looked at now."


@admin.register(Verification)
class VerificationAdmin(ReadOnlyAdmin):
    list_display = ["asked", "state_badge", "stage", "done", "total", "ended_at"]
    list_display_links = ["asked"]
    list_filter = ["created_at"]
    search_fields = ["state__exact"]
    search_help_text = "State"
    ordering = ["-id"]
    sortable_by = []
    panels = (standing,)
    fieldsets = [
        ("Record", {"fields": [("state_badge", "ended_at"), "result", ("token", "crashes"), "created_at", "id"]})
    ]

    class Media:
        js = ["admin-keeptrack/poll.js"]

    def get_urls(self):
        panel = path("<uuid:pk>/panel/", self.admin_site.admin_view(self.panel), name="archive_verification_panel")
        return [panel, *super().get_urls()]

    def panel(self, request: HttpRequest, pk) -> HttpResponse:
        """Only where it stands, for a page that is open."""
        row = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return HttpResponse(standing(request, row))

    @display(description="asked for")
    def asked(self, looked) -> str:
        return moment(looked.created_at)

    @display(description="state")
    def state_badge(self, looked) -> SafeString:
        return badge(looked.state, STATES[looked.state])


TrackAdmin.extend(panels_below=[of_track])
AssetAdmin.extend(panels_below=[of_asset])
