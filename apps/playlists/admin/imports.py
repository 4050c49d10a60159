"""Staff's desk for playlist files that came in: where each stands, and another try for what failed."""

from django.contrib import admin
from django.db.models import Q
from unfold.decorators import display

from apps.lib.admin import ReadOnlyAdmin, ReadOnlyTable, badge, button, choice_filter, link_to
from apps.playlists import importing, tasks
from apps.playlists.models import Import, ImportLine

TONES = {"due": "info", "running": "info", "retrying": "warning", "done": "success", "failed": "danger"}
OUTCOME_TONES = {"added": "success", "found": "info", "unresolved": "warning", "double": "warning", "full": "danger"}
STATES = {state: (state, Q(state=state)) for state in Import.machine.states}


class LinesTable(ReadOnlyTable):
    """What became of each line, in the file's order."""

    model = ImportLine
    verbose_name_plural = "lines"
    fields = ["number", "artist", "title", "outcome_badge", "how", "confidence", "to_track"]
    readonly_fields = ["outcome_badge", "to_track"]
    per_page = 50

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("track").order_by("number")

    @display(description="outcome")
    def outcome_badge(self, line):
        return badge(line.get_outcome_display(), OUTCOME_TONES.get(line.outcome, ""))

    @display(description="track")
    def to_track(self, line):
        return link_to(line.track)


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ["file_name", "form", "state_badge", "person", "to_playlist", "progress", "error_code", "created"]
    list_filter = [
        choice_filter("state", "state", STATES, at_hand=True),
        choice_filter("format", "form", {form: (form, Q(form=form)) for form in ("m3u8", "xspf", "jspf", "csv")}),
        "created_at",
    ]
    list_select_related = ["user__profile", "playlist"]
    search_fields = ["file_name", "user__email", "user__profile__username", "error_code"]
    search_help_text = "File name, person, error code or import id"
    ordering = ["-id"]
    sortable_by = ["created"]
    actions_detail = ["look_again"]
    inlines = [LinesTable]
    fieldsets = [
        (None, {"fields": ["file_name", ("form", "encoding"), "user", "playlist", "outcomes"]}),
        ("Work", {"fields": ["state", ("lines_done", "lines_total"), ("error_code", "error_message"),
                             ("attempts", "crashes"), ("created_at", "done_at"), "id"]}),
    ]  # fmt: skip
    readonly_fields = ["outcomes"]

    @display(description="state")
    def state_badge(self, imported):
        return badge(imported.get_state_display(), TONES[imported.state])

    @display(description="by")
    def person(self, imported):
        return link_to(imported.user, imported.user.profile.username)

    @display(description="playlist")
    def to_playlist(self, imported):
        return link_to(imported.playlist)

    @display(description="lines")
    def progress(self, imported) -> str:
        return f"{imported.lines_done:,} of {imported.lines_total:,}"

    @display(description="lines by outcome")
    def outcomes(self, imported) -> str:
        counts = importing.counts(imported)[imported.pk]
        return ", ".join(f"{number:,} {outcome}" for outcome, number in counts.items() if number) or "none"

    @display(description="came in", ordering="id")
    def created(self, imported):
        return imported.created_at

    @button("Look again", needs="playlists.curate", offered=lambda imported: imported.state == "failed")
    def look_again(self, request, imported) -> str:
        importing.retry(imported=imported)
        tasks.nudge_imports()
        return "A worker goes on with it."
