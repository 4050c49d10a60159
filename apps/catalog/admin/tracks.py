"""Staff's desk for tracks. Apps above add their part through `TrackAdmin.extend`."""

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.catalog import actions, derive, identifiers, search, tasks
from apps.catalog.admin import choices, parts
from apps.catalog.admin.bulk import bulk_action
from apps.catalog.admin.history import history_panel
from apps.catalog.admin.panels import CLEARANCE_TONES, STATUS_TONES, clock_time, listen, near, twins, verdict
from apps.catalog.admin.plays import plays_panel
from apps.catalog.admin.sheets import export_csv, export_xlsx, import_sheet
from apps.catalog.keys import camelot
from apps.catalog.models import ProviderSource, Track, TrackFile
from apps.lib import nudges, sizes
from apps.lib.admin import AccessAdmin, ReadOnlyForm, ReadOnlyTable, badge, button, countdown, link_to, moment
from apps.lib.admin_lists import Rows
from apps.lib.errors import Refusal

# What the columns of the list say.
LISTED = (
    "title", "artist", "genre", "tempo", "pitch_class", "mode", "clearance", "status", "is_public", "duration_ms",
    "popularity_score", "play_count", "created_at", "owner__email", "owner__profile__username",
)  # fmt: skip


class FilesTable(ReadOnlyTable):
    model = TrackFile
    verbose_name_plural = "files"
    fields = ["role", "codec", "hertz", "channels", "bits", "length", "loudness", "size", "hash", "ratio", "saved"]

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

    @display(description="loudness")
    def loudness(self, file) -> str:
        if file.loudness_lufs is None:
            return ""
        peak = "" if file.true_peak_dbtp is None else f", peak {file.true_peak_dbtp:.1f} dBTP"
        return f"{file.loudness_lufs:.1f} LUFS{peak}"

    @display(description="size")
    def size(self, file) -> str:
        return sizes.words(file.blob.size)

    @display(description="SHA-256")
    def hash(self, file) -> SafeString:
        return link_to(file.blob, file.blob.sha256[:12])

    @display(description="ratio")
    def ratio(self, file) -> str:
        return f"{file.compression_ratio} : 1" if file.compression_applied else ""

    @display(description="saved")
    def saved(self, file) -> str:
        return sizes.words(file.compression_savings) if file.compression_applied else ""


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

    def clean_isrc(self) -> str:
        """The domain's rule, said at its field."""
        try:
            return identifiers.isrc(self.cleaned_data["isrc"])
        except Refusal as refusal:
            raise forms.ValidationError(refusal.message) from None


class TrackRows(Rows):
    def walked(self, rows: QuerySet) -> QuerySet:
        """Removed tracks have no title: by title they all come first, and where none is shown they are stepped over."""
        shown = self.params.get("show") or "kept"
        titled = shown in choices.STATUS and shown != "removed"
        return rows.filter(title__gt="") if titled and rows.query.order_by[0] == "title" else rows


@admin.register(Track)
class TrackAdmin(AccessAdmin):
    form = TrackForm
    list_display = ["play", "name", "music", "owner_name", "rights", "state", "is_public", "duration", "popularity",
                    "heard", "created"]  # fmt: skip
    list_display_links = ["name"]
    list_filter = choices.FILTERS
    search_fields = ["title"]  # there is a box to search in; what it finds says `search`
    search_help_text = "Words of the track, ISRC, catalogue number, provider's id, owner's e-mail, track id"
    ordering = ["-id"]
    sortable_by = ["name", "duration", "popularity", "heard", "created"]
    actions = [bulk_action, export_csv, export_xlsx]
    actions_list = ["import_sheet"]
    import_sheet = import_sheet
    list_disable_select_all = False
    actions_detail = ["make_again", "remove_track"]
    inlines = [*parts.TABLES, FilesTable, SourceForm]
    compressed_fields = True
    panels = (listen, verdict, twins)
    panels_below = (near, plays_panel, history_panel)
    readonly_fields = ["kind", "state", "owner_name", "duration", "play_count", "popularity_score", "id", "created_at",
                       "updated_at"]  # fmt: skip
    fieldsets = [
        (None, {"fields": [("title", "artist"), "description", ("is_public", "is_pro_only")]}),
        ("Music", {"fields": [("genre", "subgenre"), ("tempo", "pitch_class", "mode"), ("mood", "tags")]}),
        ("Identifiers", {"fields": [("catalog_number", "isrc"), "release_date"]}),
        ("Record", {"fields": [("state", "kind", "owner_name"), ("duration", "play_count", "popularity_score"),
                               ("created_at", "updated_at"), "id"], "classes": ["collapse"]}),
    ]  # fmt: skip

    class Media:
        js = [
            forms.Script("js/waveform.js", type="module"),
            forms.Script("admin-keeptrack/track.js", type="module"),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("owner__profile", "source__provider", "derivation")

    def listed(self, rows: QuerySet) -> QuerySet:
        """Whether it can be heard is asked of the database: the files themselves are not shown."""
        served = TrackFile.objects.filter(track=OuterRef("pk"), role__in=["audio", "original"])
        rows = rows.select_related(None).select_related("owner__profile").only(*LISTED)
        return super().listed(rows.annotate(is_served=Exists(served)))

    def get_changelist(self, request, **kwargs) -> type[Rows]:
        return TrackRows

    def search(self, request, queryset, text: str) -> tuple[QuerySet, bool]:
        return search.for_staff(queryset, text), False

    def has_curate_permission(self, request) -> bool:
        return request.user.has_perm("catalog.curate")

    def has_add_permission(self, request) -> bool:
        """Tracks come in by upload or from a provider."""
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        mine = obj is None or parts.editable(request, obj)
        return mine and super().has_change_permission(request, obj)

    def save_model(self, request, obj, form, change) -> None:
        facts = {name: form.cleaned_data[name] for name in form.changed_data}
        actions.edit(track=obj, by=request.user, **facts)

    def save_formset(self, request, form, formset, change) -> None:
        """Its parts go through the domain; the other tables are there to be read."""
        if isinstance(formset, parts.PartsFormSet):
            formset.store(by=request.user)
        else:
            super().save_formset(request, form, formset, change)

    def view_on_site(self, track) -> str:
        return reverse("track-page", args=[track.pk])

    @display(description="")
    def play(self, track) -> str:
        if not track.is_served:
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

    @display(description="music")
    def music(self, track) -> SafeString:
        """Genre over tempo and key."""
        tempo = f"{track.tempo.normalize():f} BPM" if track.tempo else ""
        heard = " · ".join(filter(None, [tempo, camelot(track.pitch_class, track.mode)]))
        return format_html('<span class="two-lines">{}<small>{}</small></span>', track.genre, heard)

    @display(description="rights")
    def rights(self, track) -> SafeString:
        return badge(track.clearance, CLEARANCE_TONES[track.clearance])

    @display(description="popularity", ordering="popularity_score")
    def popularity(self, track) -> str:
        return f"{track.popularity_score:g}"

    @display(description="plays", ordering="play_count")
    def heard(self, track) -> str:
        return f"{track.play_count:,}"

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
        return moment(track.created_at)

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
