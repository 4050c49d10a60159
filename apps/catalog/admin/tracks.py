"""Staff's desk for tracks, their files and the providers. Apps above add their part through `TrackAdmin.extend`."""

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.catalog import actions, derive, tasks, waveform
from apps.catalog.keys import camelot
from apps.catalog.models import ProviderSource, Track, TrackFile
from apps.lib import nudges
from apps.lib.admin import (
    AccessAdmin,
    ReadOnlyForm,
    ReadOnlyTable,
    badge,
    button,
    choice_filter,
    countdown,
    link_to,
    moment,
)
from apps.lib.errors import Refusal

STATUS_TONES = {"ready": "success", "pending": "info", "failed": "danger", "merged": "", "removed": ""}
DERIVATION_TONES = {"done": "success", "failed": "danger", "retrying": "warning"}

STATUS = {state: (state, Q(status=state)) for state in Track.machine.states}
STATUS = {"kept": ("all but removed", Q(removed_at__isnull=True)), **STATUS}
MADE = {
    "failed": ("failed", Q(derivation__state="failed")),
    "waiting": ("waiting or in work", Q(derivation__state__in=["due", "running", "retrying"])),
    "done": ("made", Q(derivation__state="done")),
    "none": ("no original yet", Q(derivation__isnull=True)),
}


def clock_time(milliseconds: int | None) -> str:
    """`3:07`, or empty when unknown."""
    return "" if milliseconds is None else f"{milliseconds // 60_000}:{milliseconds // 1000 % 60:02}"


class FilesTable(ReadOnlyTable):
    model = TrackFile
    verbose_name_plural = "files"
    fields = ["role", "codec", "hertz", "channels", "bits", "length", "size", "hash", "ratio", "saved"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("blob").order_by("role")

    @display(description="sample rate")
    def hertz(self, file) -> str:
        return f"{file.sample_rate / 1000:g} kHz" if file.sample_rate else ""

    @display(description="bit rate")
    def bits(self, file) -> str:
        return f"{file.bit_rate // 1000} kbit/s" if file.bit_rate else ""

    @display(description="length")
    def length(self, file) -> str:
        return clock_time(file.duration_ms)

    @display(description="size")
    def size(self, file) -> str:
        return filesizeformat(file.blob.size)

    @display(description="SHA-256")
    def hash(self, file) -> SafeString:
        return link_to(file.blob, file.blob.sha256[:12])

    @display(description="ratio")
    def ratio(self, file) -> str:
        return f"{file.compression_ratio} : 1" if file.compression_applied else ""

    @display(description="saved")
    def saved(self, file) -> str:
        return filesizeformat(file.compression_savings) if file.compression_applied else ""


class SourceForm(ReadOnlyForm):
    model = ProviderSource
    verbose_name_plural = "provider"
    fields = [("provider", "provider_track_id"), ("generated_at", "expiry"), "addresses"]

    @classmethod
    def fits(cls, row) -> bool:
        return hasattr(row, "source")

    @display(description="expires")
    def expiry(self, source) -> str:
        return format_html("{} ({})", moment(source.expires_at), countdown(source.expires_at))

    @display(description="addresses")
    def addresses(self, source) -> str:
        """As text: a link would take staff to wherever somebody once said."""
        return "\n".join(f"{kind}: {url}" for kind, url in source.urls().items())


class TrackForm(forms.ModelForm):
    class Meta:
        widgets = {
            "description": UnfoldAdminTextareaWidget({"rows": 3}),
            "mood": UnfoldAdminTextInputWidget,
            "tags": UnfoldAdminTextInputWidget,
        }
        help_texts = {"mood": "Separated by commas.", "tags": "Separated by commas."}


def listen(request: HttpRequest, track: Track) -> str:
    """Cover, player, waveform and the facts one hears."""
    source = getattr(track, "source", None)
    alive = bool(source and source.expires_at > timezone.now())
    derivation = getattr(track, "derivation", None)
    context = {
        "track": track,
        "playable": track.served or (alive and source.audio_url),
        "cover": track.file("cover") or (alive and source.cover_url),
        "waveform": _waveform(track),
        "duration": clock_time(track.duration_ms),
        "camelot": camelot(track.pitch_class, track.mode),
        "status": badge(track.status, STATUS_TONES[track.status]),
        "derivation": derivation,
        "derived": derivation and badge(derivation.get_state_display(), DERIVATION_TONES.get(derivation.state, "info")),
    }
    return render_to_string("admin/catalog/listen.html", context)


def _waveform(track: Track) -> SafeString | str:
    drawn = track.file("waveform")
    try:
        return waveform.picture(drawn.blob) if drawn else ""
    except (Refusal, OSError, ValueError, KeyError):
        return "The waveform cannot be read at the moment."


@admin.register(Track)
class TrackAdmin(AccessAdmin):
    form = TrackForm
    list_display = ["play", "name", "owner_name", "kind", "state", "is_public", "duration", "created"]
    list_display_links = ["name"]
    list_filter = [
        choice_filter("status", "show", STATUS, default="kept", at_hand=True),
        "kind",
        "is_public",
        "is_pro_only",
        choice_filter("preview and waveform", "made", MADE),
        "source__provider",
        "created_at",
    ]
    search_fields = ["title", "artist", "owner__email", "isrc__iexact", "source__provider_track_id__exact"]
    search_help_text = "Title, artist, owner's e-mail, ISRC, provider's id or track id"
    ordering = ["-id"]
    sortable_by = ["name", "duration", "created"]
    actions_detail = ["make_again", "remove_track"]
    inlines = [FilesTable, SourceForm]
    panels = (listen,)
    readonly_fields = ["kind", "state", "owner_name", "duration", "play_count", "popularity_score", "id", "created_at",
                       "updated_at"]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["title", "artist", "description", ("is_public", "is_pro_only")]}),
        ("Music", {"fields": [("genre", "subgenre"), ("tempo", "pitch_class", "mode"), ("mood", "tags")]}),
        ("Identifiers", {"fields": [("catalog_number", "isrc"), "release_date"]}),
        ("Record", {"fields": [("state", "kind", "owner_name"), ("duration", "play_count", "popularity_score"),
                               ("created_at", "updated_at"), "id"]}),
    ]  # fmt: skip

    def get_queryset(self, request):
        return super().get_queryset(request).with_page().select_related("derivation")

    def has_add_permission(self, request) -> bool:
        """Tracks come in by upload or from a provider."""
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        mine = obj is None or Track.objects.editable_by(request.user).filter(pk=obj.pk).exists()
        return mine and super().has_change_permission(request, obj)

    def save_model(self, request, obj, form, change) -> None:
        facts = {name: form.cleaned_data[name] for name in form.changed_data}
        actions.edit(track=obj, by=request.user, **facts)

    def view_on_site(self, track) -> str:
        return reverse("track-page", args=[track.pk])

    @display(description="")
    def play(self, track) -> str:
        if track.served is None:
            return ""
        address, label = reverse("track-stream", args=[track.pk]), f"Play {track}"
        return format_html(
            '<button type="button" class="play" data-play="{}" aria-label="{}" title="{}"></button>',
            address, label, label,
        )  # fmt: skip

    @display(description="title", ordering="title")
    def name(self, track) -> SafeString:
        """Title over artist."""
        return format_html('<span class="two-lines">{}<small>{}</small></span>', track, track.artist)

    @display(description="owner")
    def owner_name(self, track) -> str:
        profile = getattr(track.owner, "profile", None)
        return profile.username if profile else str(track.owner or "the house")

    @display(description="status")
    def state(self, track) -> SafeString:
        return badge(track.status, STATUS_TONES[track.status])

    @display(description="duration", ordering="duration_ms")
    def duration(self, track) -> str:
        return clock_time(track.duration_ms)

    @display(description="created", ordering="id")
    def created(self, track) -> str:
        return f"{track.created_at:%Y-%m-%d %H:%M}"

    @button("Make preview and waveform again", needs="catalog.curate", icon="graphic_eq",
            offered=lambda track: hasattr(track, "derivation"))  # fmt: skip
    def make_again(self, request, track) -> str:
        derive.again(track=Track.objects.get_editable(request.user, pk=track.pk))
        nudges.send(tasks.sweep)
        return "A worker makes the served copy, preview and waveform again."

    @button("Remove track", needs="catalog.curate", icon="delete",
            sure="Its words are blanked and its files released for good. Posts that show it keep a note of it.",
            offered=lambda track: track.status != "removed")  # fmt: skip
    def remove_track(self, request, track) -> str:
        actions.remove(track=Track.objects.get_editable(request.user, pk=track.pk), by=request.user)
        return "The track was removed."
