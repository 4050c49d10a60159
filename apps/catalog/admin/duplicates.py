"""The duplicates desk: pairs that may be one, side by side, and what becomes of them."""

from collections.abc import Iterator
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.catalog import duplicates, merging, tasks
from apps.catalog.admin.panels import clock_time
from apps.catalog.keys import camelot
from apps.catalog.models import Duplicate, Track
from apps.lib import sizes
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to, moment, page_of
from apps.lib.errors import Refusal

TONES = {"open": "warning", "dismissed": "", "merged": "success"}
STATE = {state: (state, Q(state=state)) for state in Duplicate.machine.states}
REASON = {value: (label, Q(reasons__contains=[value])) for value, label in Duplicate.Reason.choices}
NO = "—"


def side_by_side(request: HttpRequest, pair: Duplicate) -> str:
    """Both tracks with everything that tells them apart, and the form that merges them."""
    rows = Track.objects.visible_to(request.user).with_page().in_bulk([pair.first_id, pair.second_id])
    first, second = rows[pair.first_id], rows[pair.second_id]
    stays = merging.better(first, second)
    may = pair.state == "open" and request.user.has_perm("catalog.curate")
    obstacle = _obstacle(first, second) if may else ""
    context = {
        "pair": pair,
        "reasons": reason_words(pair),
        "sides": [_side(track, n, track == stays) for n, track in enumerate((first, second), start=1)],
        "lines": list(_lines(first, second, stays)),
        "may": may and not obstacle,
        "obstacle": obstacle,
    }
    return render_to_string("admin/catalog/duplicate.html", context, request)


def _obstacle(first: Track, second: Track) -> str:
    """Why the two cannot be merged, whichever stays; the other way round may be refused when it is asked for."""
    try:
        merging.refuse(second, first)
    except Refusal as refusal:
        return refusal.message
    return ""


def _side(track: Track, number: int, stays: bool) -> dict:
    return {
        "track": track,
        "number": number,
        "stays": stays,
        "link": page_of(track),
        "owner": owner_name(track),
        "playable": track.served,
        "length": clock_time(track.duration_ms),
    }


def owner_name(track: Track) -> str:
    profile = getattr(track.owner, "profile", None)
    return profile.username if profile else str(track.owner or "the house")


def _lines(first: Track, second: Track, stays: Track) -> Iterator[dict]:
    """One line per fact: both values, whether they differ, and who is proposed to give it; empty on both: no line."""
    for name in merging.CHOICES:
        yield from _line(name, _words(first, name), _words(second, name), merging.fuller(first, second, name) or stays)
    for name, words in FOR_SIGHT.items():
        yield from _line(name, words(first), words(second), None)


def _line(name: str, one: str, other: str, giver: Track | None) -> Iterator[dict]:
    if one or other:
        values = [{"words": words or NO, "empty": not words} for words in (one, other)]
        yield {
            "name": name,
            "label": LABELS.get(name, name),
            "values": values,
            "differs": one != other and name != "id",
            "giver": giver,
        }


LABELS = {"isrc": "ISRC", "catalog_number": "catalogue number", "release_date": "released", "key": "key"}
PARTS = {
    "sections": lambda part: f"{part.name} {clock_time(part.start_ms)}–{clock_time(part.end_ms)}",
    "credits": lambda part: f"{part.name}, {part.role}" + (f" {part.split} %" if part.split is not None else ""),
    "instruments": str,
    "samples": lambda part: f"{part}{'' if part.is_cleared else ', not cleared'}",
}


def _words(track: Track, name: str) -> str:
    """What a fact says, in a few words."""
    if name == "key":
        return f"{track.musical_key} {track.mode} {camelot(track.pitch_class, track.mode)}".strip()
    if name in PARTS:
        return "; ".join(PARTS[name](part) for part in getattr(track, name).order_by("pk"))
    if name == merging.COVER:
        return "a picture" if track.file("cover") else ""
    value = getattr(track, name)
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else truncatechars(str(value), 400)


def _file(role: str):
    def words(track: Track) -> str:
        file = track.file(role)
        if file is None:
            return ""
        rate = f"{file.bit_rate // 1000} kbit/s" if file.bit_rate else ""
        hertz = f"{file.sample_rate / 1000:g} kHz" if file.sample_rate else ""
        return ", ".join(filter(None, (file.codec, rate, hertz, sizes.words(file.blob.size))))

    return words


def _provider(track: Track) -> str:
    source = getattr(track, "source", None)
    return f"{source.provider}, {source.provider_track_id}" if source else ""


# What cannot be chosen and helps to choose.
FOR_SIGHT = {
    "kind": lambda track: track.kind,
    "seen by": lambda track: ", ".join(filter(None, (_seen(track), _tier(track)))),
    "duration": lambda track: clock_time(track.duration_ms),
    "original": _file("original"),
    "served copy": _file("audio"),
    "preview": _file("preview"),
    "provider": _provider,
    "rights": lambda track: track.clearance,
    "plays": lambda track: f"{track.play_count:,}",
    "merged into it": lambda track: str(track.merged.count() or ""),
    "since": lambda track: moment(track.created_at),
    "id": lambda track: str(track.pk),
}


def _seen(track: Track) -> str:
    return {True: "everyone", False: "its owner"}[_value(track, "is_public")]


def _tier(track: Track) -> str:
    return "full file for pro members" if _value(track, "is_pro_only") else ""


def _value(track: Track, name: str):
    """A column shown to staff; who sees the track is decided in `access.py`."""
    return track.serializable_value(name)


def reason_words(pair: Duplicate) -> SafeString:
    return format_html_join(" ", "{}", ((badge(Duplicate.Reason(r).label, "info"),) for r in sorted(pair.reasons)))


@admin.register(Duplicate)
class DuplicateAdmin(ReadOnlyAdmin):
    list_display = ["pair", "why", "like", "length", "owner", "standing", "found"]
    list_display_links = ["pair"]
    list_filter = [
        choice_filter("state", "state", STATE, default="open", at_hand=True),
        choice_filter("reason", "reason", REASON, at_hand=True),
    ]
    search_fields = ["first__title", "second__title", "first__isrc__iexact", "second__isrc__iexact"]
    search_help_text = "Title or ISRC of one of the two"
    identities = ("pk", "first", "second")
    ordering = ["-likeness", "-id"]
    sortable_by = []
    actions_detail = ["merge", "not_duplicates", "open_again"]
    panels = (side_by_side,)
    fieldsets = [("Record", {"fields": [("standing", "like"), ("settled", "found")]})]
    readonly_fields = ["standing", "like", "settled", "found"]

    class Media:
        js = [
            forms.Script("js/waveform.js", type="module"),
            forms.Script("admin-keeptrack/duplicates.js", type="module"),
        ]

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        return rows.select_related("first__owner__profile", "second", "settled_by__profile")

    @display(description="first and second")
    def pair(self, pair) -> SafeString:
        """Title over title; where they are one, the artists tell more."""
        one, other = _named(pair.first), _named(pair.second)
        return format_html('<span class="two-lines">{}<small>{}</small></span>', one, other)

    @display(description="why")
    def why(self, pair) -> SafeString:
        return reason_words(pair)

    @display(description="alike")
    def like(self, pair) -> str:
        return f"{100 * pair.likeness:.0f} %"

    @display(description="length")
    def length(self, pair) -> str:
        one, other = clock_time(pair.first.duration_ms), clock_time(pair.second.duration_ms)
        return one if one == other else f"{one or NO} / {other or NO}"

    @display(description="owner")
    def owner(self, pair) -> str:
        return owner_name(pair.first)

    @display(description="state")
    def standing(self, pair) -> SafeString:
        return badge(pair.state, TONES[pair.state])

    @display(description="settled by")
    def settled(self, pair) -> SafeString | str:
        return link_to(pair.settled_by) or NO

    @display(description="found")
    def found(self, pair) -> str:
        return moment(pair.created_at)

    @button("Merge", needs="catalog.curate", offered=lambda pair: False)
    def merge(self, request, pair) -> str:
        """Posted by the form of the pair's page; leads to the preview of what it asks for."""
        stays = _uuid(request.POST.get("keep", ""))
        chosen = {name: request.POST.get(f"fact-{name}") for name in merging.CHOICES}
        facts = [name for name, giver in chosen.items() if giver and giver != str(stays)]
        changeset = merging.ask(pair=pair, keep=stays, facts=facts, by=request.user)
        tasks.nudge_changesets()
        request.POST = request.POST.copy()
        request.POST["next"] = page_of(changeset)
        return "Look at the preview, then apply it. Until then nothing is changed."

    @button("Not duplicates", needs="catalog.curate", icon="call_split", offered=lambda pair: pair.state == "open")
    def not_duplicates(self, request, pair) -> str:
        duplicates.dismiss(pair=pair, by=request.user)
        return "The pair stays away until there is a new reason for it."

    @button("Open again", needs="catalog.curate", icon="undo", offered=lambda pair: pair.state == "dismissed")
    def open_again(self, request, pair) -> str:
        duplicates.reopen(pair=pair, by=request.user)
        return "The pair is open again."


def _named(track: Track) -> str:
    return f"{track} · {track.artist}" if track.artist else str(track)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
