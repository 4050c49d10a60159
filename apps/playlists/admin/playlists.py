"""Staff's desk for playlists: what is in them, who works on them, and what may not stay."""

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib.admin import ReadOnlyAdmin, ReadOnlyTable, badge, button, choice_filter, link_to, press
from apps.playlists import actions, covers
from apps.playlists.models import Cover, Entry, Member, Playlist

SEEN_BY = {
    "public": ("everyone", Playlist.objects.all().public_rule()),
    "private": ("its people", ~Playlist.objects.all().public_rule()),
}
SHARED = {
    "yes": ("editors fill it", Q(is_collaborative=True)),
    "no": ("its owner fills it", Q(is_collaborative=False)),
}


def cover_panel(request, playlist: Playlist) -> str:
    """The picture, if there is one."""
    there = Cover.objects.filter(playlist=playlist).exists()
    return render_to_string("admin/playlists/cover.html", {"playlist": playlist}) if there else ""


class EntriesTable(ReadOnlyTable):
    """What is in it, in its order."""

    model = Entry
    verbose_name_plural = "tracks"
    fields = ["place", "to_track", "added_by", "added_at", "take_out"]
    readonly_fields = ["place", "to_track", "take_out"]
    per_page = 50

    def get_queryset(self, request):
        before = Entry.objects.filter(playlist=OuterRef("playlist"), position__lt=OuterRef("position"))
        count = before.order_by().values("playlist").annotate(n=Count("pk")).values("n")
        place = Coalesce(Subquery(count, output_field=IntegerField()), 0)
        rows = super().get_queryset(request).select_related("track", "added_by").annotate(place=place)
        self.removes = request.user.has_perm("playlists.curate")
        return rows.order_by("position")

    @display(description="place")
    def place(self, entry) -> int:
        return entry.place + 1

    @display(description="track")
    def to_track(self, entry) -> SafeString | str:
        return link_to(entry.track)

    @display(description="")
    def take_out(self, entry) -> SafeString | str:
        return press(entry, "take_out", "Take out", ask=True) if self.removes else ""


class MembersTable(ReadOnlyTable):
    """Who else is in it."""

    model = Member
    verbose_name_plural = "members"
    fields = ["user", "role", "created_at"]
    per_page = 50

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user").order_by("created_at")


@admin.register(Playlist)
class PlaylistAdmin(ReadOnlyAdmin):
    list_display = ["title", "person", "shown_to", "tracks", "people", "created"]
    list_filter = [
        choice_filter("seen by", "seen", SEEN_BY, at_hand=True), choice_filter("filled by", "shared", SHARED),
        "created_at",
    ]  # fmt: skip
    search_fields = ["name", "owner__email", "owner__profile__username"]
    search_help_text = "Name, owner's e-mail or username, or playlist id"
    ordering = ["-id"]
    sortable_by = ["created"]
    actions_detail = ["drop_cover", "remove_playlist"]
    panels = (cover_panel,)
    inlines = [EntriesTable, MembersTable]
    fieldsets = [
        (None, {"fields": ["name", "description", "owner", ("is_public", "is_collaborative")]}),
        ("Record", {"fields": ["version", "cover_image_url", ("created_at", "updated_at"), "id"]}),
    ]

    def get_queryset(self, request):
        rows = super().get_queryset(request).select_related("owner__profile").with_audience()
        return rows.annotate(tracks=_count(Entry), people=_count(Member))

    @display(description="name")
    def title(self, playlist) -> SafeString:
        return format_html('<span class="clipped">{}</span>', playlist.name)

    @display(description="owner")
    def person(self, playlist) -> SafeString | str:
        profile = getattr(playlist.owner, "profile", None)
        return link_to(playlist.owner, profile.username if profile else "")

    @display(description="seen by")
    def shown_to(self, playlist) -> SafeString:
        return badge("everyone", "success") if playlist.for_all else badge("its people")

    @display(description="tracks")
    def tracks(self, playlist) -> int:
        return playlist.tracks

    @display(description="members")
    def people(self, playlist) -> int:
        return playlist.people

    @display(description="created", ordering="id")
    def created(self, playlist) -> str:
        return f"{playlist.created_at:%Y-%m-%d %H:%M}"

    @button("Drop the cover", needs="playlists.curate", icon="hide_image",
            offered=lambda playlist: Cover.objects.filter(playlist=playlist).exists())  # fmt: skip
    def drop_cover(self, request, playlist) -> str:
        covers.drop(playlist=playlist)
        return "The cover is gone."

    @button("Delete playlist", needs="playlists.curate", icon="delete",
            sure="It goes for good, with its order, cover and members. The tracks stay.")  # fmt: skip
    def remove_playlist(self, request, playlist) -> str:
        actions.delete(playlist=Playlist.objects.get_editable(request.user, pk=playlist.pk))
        return "The playlist is deleted."


def _count(model) -> Coalesce:
    rows = model.objects.filter(playlist=OuterRef("pk")).order_by().values("playlist").annotate(n=Count("pk"))
    return Coalesce(Subquery(rows.values("n"), output_field=IntegerField()), 0)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """Where a track stands; reached from playlists and by search, to take it out."""

    list_display = ["inside", "to_track", "added_by", "added_at"]
    search_fields = ["playlist__name", "track__title"]
    search_help_text = "Playlist, track, or an id of either"
    identities = ("pk", "playlist", "track")
    list_filter = ["added_at"]
    ordering = ["-id"]
    sortable_by = []
    list_select_related = ["playlist", "track", "added_by"]
    actions_row = actions_detail = ["take_out"]
    fields = ["to_playlist", "to_track", "added_by", "added_at", "id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("playlist", "track", "added_by")

    def note(self, entry, label):
        """It stands in the history of the playlist, which stays."""
        return entry.playlist, f"Took out “{entry.track}”."

    @display(description="playlist")
    def inside(self, entry) -> SafeString:
        return format_html('<span class="clipped">{}</span>', entry.playlist)

    @display(description="playlist")
    def to_playlist(self, entry) -> SafeString | str:
        return link_to(entry.playlist)

    @display(description="track")
    def to_track(self, entry) -> SafeString | str:
        return format_html('<span class="clipped">{}</span>', link_to(entry.track))

    @button("Take out", needs="playlists.curate", icon="playlist_remove",
            sure="The track stays; it is no longer in this playlist.")  # fmt: skip
    def take_out(self, request, entry) -> str:
        request.POST = request.POST.copy()
        request.POST["next"] = reverse("admin:playlists_playlist_change", args=[entry.playlist_id])
        actions.remove(entry=Entry.objects.get_editable(request.user, pk=entry.pk))
        return "The track is out of the playlist."
