"""Who changed what of the catalogue, when and through which door: below each track, and as one list of everything."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import F, Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.catalog.admin.wording import Wording, person
from apps.catalog.changerows import model_of
from apps.catalog.models import Change
from apps.lib.admin import ReadOnlyAdmin, choice_filter, link_to, moment

SHOWN = 30
DOORS = {door: (door, Q(door=door)) for door in ("admin", "api", "page", "system", "direct")}
PARTS = ("track", "section", "credit", "instrument", "sample")
TABLES = {part: (part, Q(table=f"catalog_{part}")) for part in PARTS} | {"file": ("file", Q(table="catalog_trackfile"))}
FACTS = (
    "title", "artist", "description", "genre", "subgenre", "tempo", "pitch_class", "mode", "mood", "tags",
    "catalog_number", "isrc", "release_date", "is_public", "is_pro_only", "status", "clearance", "owner_id", "kind",
)  # fmt: skip
FIELDS = {name: (name.removesuffix("_id").replace("_", " "), Q(fields__contains=[name])) for name in FACTS}


def _since(days: int):
    return lambda now: Q(at__gte=_midnight(now) - dt.timedelta(days=days))


def _midnight(now: dt.datetime) -> dt.datetime:
    return now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


DAYS = {"today": ("today", _since(0)), "yesterday": ("since yesterday", _since(1)), "week": ("past 7 days", _since(7)),
        "month": ("past 30 days", _since(30))}  # fmt: skip


def history_panel(request: HttpRequest, track) -> str:
    """The last changes of a track and its parts, the newest first; for those who may see the whole list."""
    if not request.user.has_perm("catalog.view_change"):
        return ""
    rows = Change.objects.visible_to(request.user).filter(track=track).select_related("by__profile", "changeset")
    found = list(rows.order_by(F("id").desc())[: SHOWN + 1])
    wording = worded(request, found)
    more = f"{reverse('admin:catalog_change_changelist')}?track={track.pk}"
    context = {"lines": [line(change, wording) for change in found[:SHOWN]], "more": more if len(found) > SHOWN else ""}
    return render_to_string("admin/catalog/history.html", context)


def worded(request: HttpRequest, changes: Iterable[Change]) -> Wording:
    return Wording(request, ((change.table, None, change.old, change.new) for change in changes))


def line(change: Change, wording: Wording) -> dict[str, Any]:
    return {
        "change": change,
        "when": moment(change.at),
        "who": person(change.by),
        "what": what(change),
        "changes": wording.changes(change.table, change.old, change.new),
        "names": ", ".join(change.fields),
        "changeset": link_to(change.changeset) if change.changeset else "",
    }


def what(change: Change) -> str:
    """`changed`, or `credit made` of a part."""
    part = "" if change.table == "catalog_track" else f"{model_of(change.table)._meta.verbose_name} "
    return f"{part}{change.get_action_display()}"


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    list_display = ["when", "track_name", "what_words", "values", "who", "door", "set"]
    list_display_links = ["when"]
    list_filter = [
        choice_filter("day", "day", DAYS, at_hand=True),
        choice_filter("door", "through", DOORS, at_hand=True),
        choice_filter("field", "field", FIELDS, folded=True),
        choice_filter("part", "part", TABLES),
    ]
    list_select_related = ["track", "by__profile", "changeset"]
    search_fields = ["by__email__iexact", "by__profile__username__iexact"]
    search_help_text = "E-mail or username of who changed it, or track id"
    identities = ("track", "row_id", "changeset")
    ordering = ["-id"]
    sortable_by = []
    fieldsets = [(None, {"fields": ["track_name", "what_words", "values", ("when", "who", "door"), "set"]})]

    def lookup_allowed(self, lookup, value, request=None) -> bool:
        """Links from a track and from a person lead here."""
        return lookup in ("track", "by", "changeset") or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request):
        return super().get_queryset(request).defer("changeset__order", "track__search")

    def changelist_view(self, request, extra_context=None):
        response = super().changelist_view(request, extra_context)
        found = getattr(response, "context_data", None) or {}
        if "cl" in found:
            wording = worded(request, found["cl"].result_list)
            for change in found["cl"].result_list:
                change.wording = wording
        return response

    def get_object(self, request, object_id, from_field=None):
        change = super().get_object(request, object_id, from_field)
        if change:
            change.wording = worded(request, [change])
        return change

    @display(description="when")
    def when(self, change) -> str:
        return moment(change.at)

    @display(description="track")
    def track_name(self, change) -> SafeString:
        return link_to(change.track)

    @display(description="what")
    def what_words(self, change) -> str:
        return what(change)

    @display(description="old → new")
    def values(self, change) -> SafeString | str:
        """Of a removed track the names of the fields alone."""
        pairs = change.wording.changes(change.table, change.old, change.new)
        shown = format_html_join("", "<li>{}: {} → {}</li>", ((n, _short(old), _short(new)) for n, old, new in pairs))
        return format_html('<ul class="two-lines">{}</ul>', shown) if pairs else ", ".join(change.fields)

    @display(description="by")
    def who(self, change) -> SafeString | str:
        if change.by is None:
            return person(None)
        return format_html('<a href="?by={}" class="text-link">{}</a>', change.by_id, person(change.by))

    @display(description="changeset")
    def set(self, change) -> SafeString | str:
        return format_html('<span class="clipped">{}</span>', link_to(change.changeset)) if change.changeset else ""


def _short(words: str) -> str:
    return f"{words[:79]}…" if len(words) > 80 else words or "—"
