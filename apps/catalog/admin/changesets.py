"""Staff's desk for changesets: preview, progress, what stands in the way, and the buttons that move them on."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.catalog import changerows, changesets, tasks
from apps.catalog.admin.wording import Wording, labels, person
from apps.catalog.models import Changeset, ChangesetRow
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to, moment, press

TONES = {"previewed": "warning", "applied": "success", "failed": "danger", "undone": "", "discarded": ""}
STATE = {
    "open": ("open", Q(state__in=["due", "running", "retrying", "previewed", "failed"])),
    "applied": ("applied", Q(state="applied")),
    "undone": ("undone", Q(state="undone")),
    "discarded": ("discarded", Q(state="discarded")),
}
KIND = {value: (label, Q(kind=value)) for value, label in Changeset.Kind.choices}
WORK = {"preview": "Comparing old and new", "apply": "Writing the changes", "undo": "Putting everything back"}
IN_WORK = ("due", "running", "retrying")
ROWS_SHOWN = 50
CONFLICTS_SHOWN = 100


def standing(request: HttpRequest, changeset: Changeset) -> str:
    """Where the changeset stands and what can be done now. While a worker is at it, the page asks for this again."""
    done, total = changesets.progress(changeset)
    in_work = changeset.state in IN_WORK
    context = {
        "changeset": changeset,
        "badge": state_badge(changeset),
        "in_work": in_work,
        "work": WORK[changeset.step],
        "waiting": changeset.state != "running",
        "done": done,
        "total": total,
        "made_by": person(changeset.made_by),
        "undone_by": person(changeset.undone_by),
        "buttons": [] if in_work else list(_buttons(request, changeset)),
        "address": f"{reverse('admin:catalog_changeset_panel', args=[changeset.pk])}?{request.GET.urlencode()}",
        **({} if in_work else _preview(request, changeset)),
    }
    if changeset.error_code == "CHANGED_SINCE" and not in_work:
        found = changesets.conflicts(changeset, by=request.user, most=CONFLICTS_SHOWN)
        wording = _wording(request, [each.row for each in found])
        context["conflicts"] = [_conflict(each, wording) for each in found]
    return render_to_string("admin/catalog/changeset.html", context, request=request)


def state_badge(changeset: Changeset) -> SafeString:
    return badge(changeset.get_state_display(), TONES.get(changeset.state, "info"))


def _buttons(request: HttpRequest, changeset: Changeset):
    """Name, words, whether it asks first, and how it looks, of what makes sense now."""
    if not request.user.has_perm("catalog.curate"):
        return
    for name, (words, ask, look, offered) in BUTTONS.items():
        if offered(changeset, request.user):
            yield press(changeset, name, words, ask=ask), look


def _preview(request: HttpRequest, changeset: Changeset) -> dict[str, Any]:
    only = request.GET.get("only") == "problems"
    rows = changesets.preview(changeset)
    page = Paginator(rows.exclude(problem="") if only else rows, ROWS_SHOWN).get_page(request.GET.get("page"))
    wording = _wording(request, page)
    return {"page": page, "only": only, "lines": [_line(row, wording) for row in page], "sheet": _has_lines(page)}


def _wording(request: HttpRequest, rows: Iterable[ChangesetRow]) -> Wording:
    return Wording(request, ((row.table, row.row_id, row.old, row.new) for row in rows))


def _has_lines(page: Page) -> bool:
    return any(row.line is not None for row in page)


def _line(row: ChangesetRow, wording: Wording) -> dict[str, Any]:
    return {"row": row, "what": _name_of(row, wording), "changes": wording.changes(row.table, row.old, row.new)}


def _name_of(row: ChangesetRow, wording: Wording) -> SafeString | str:
    track = link_to(row.track) if row.track else wording.track(row.row_id)
    if row.table == "catalog_track":
        return track
    words = changerows.model_of(row.table)._meta.verbose_name
    return format_html("{} <small>{}</small>", track, words) if row.track else f"{words}"


def _conflict(found: changesets.Conflict, wording: Wording) -> dict[str, Any]:
    change, row = found.change, found.row
    return {
        "what": _name_of(row, wording),
        "field": labels(row.table).get(found.field, "all of it"),
        "expected": wording.value(row.table, found.field, found.expected) if found.field else "",
        "now": wording.value(row.table, found.field, found.now) if found.field else row.problem or changerows.GONE,
        "who": person(change.by) if change else "",
        "when": moment(change.at) if change else "",
        "door": change.door if change else "",
    }


@admin.register(Changeset)
class ChangesetAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "state_words", "rows_total", "rows_refused", "by", "created"]
    list_display_links = ["name"]
    list_filter = [
        choice_filter("state", "stands", STATE, at_hand=True),
        choice_filter("kind", "kind", KIND),
        "created_at",
    ]
    list_select_related = ["made_by__profile"]
    search_fields = ["title", "made_by__email", "made_by__profile__username"]
    search_help_text = "What was changed, or who asked for it"
    ordering = ["-id"]
    sortable_by = ["created"]
    actions_detail = ["apply", "preview_again", "undo", "undo_rest", "discard"]
    panels = (standing,)

    class Media:
        js = ["admin-keeptrack/poll.js"]

    fieldsets = [("Record", {"fields": ["id", "kind", "door"]})]

    def get_queryset(self, request):
        """Without the orders: one may name a hundred thousand tracks."""
        return super().get_queryset(request).select_related("made_by__profile", "undone_by__profile").defer("order")

    def get_actions_detail(self, request, object_id) -> list:
        """The buttons stand beside the progress and change with it."""
        return []

    def get_urls(self):
        panel = path("<uuid:pk>/panel/", self.admin_site.admin_view(self.panel), name="catalog_changeset_panel")
        return [panel, *super().get_urls()]

    def panel(self, request: HttpRequest, pk) -> HttpResponse:
        """Only where it stands, for a page that is open."""
        row = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return HttpResponse(standing(request, row))

    @display(description="what")
    def name(self, changeset) -> SafeString:
        return format_html('<span class="two-lines">{}</span>', changeset.title)

    @display(description="state")
    def state_words(self, changeset) -> SafeString:
        return state_badge(changeset)

    @display(description="by")
    def by(self, changeset) -> str:
        return person(changeset.made_by)

    @display(description="asked for", ordering="id")
    def created(self, changeset) -> str:
        return moment(changeset.created_at)

    @button("Apply", needs="catalog.curate")
    def apply(self, request, changeset) -> str:
        changesets.apply(changeset=changeset, by=request.user)
        tasks.nudge_changesets()
        return "A worker writes the changes, all of them or none."

    @button("Preview again", needs="catalog.curate")
    def preview_again(self, request, changeset) -> str:
        changesets.preview_again(changeset=changeset, by=request.user)
        tasks.nudge_changesets()
        return "A worker compares old and new once more."

    @button(
        "Undo", needs="catalog.curate", sure="Every row gets its old values back, unless somebody changed it since."
    )
    def undo(self, request, changeset) -> str:
        changesets.undo(changeset=changeset, by=request.user)
        tasks.nudge_changesets()
        return "A worker puts everything back."

    @button("Undo the rest", needs="catalog.curate", sure="What somebody changed since stays. The rest goes back.")
    def undo_rest(self, request, changeset) -> str:
        changesets.undo(changeset=changeset, by=request.user, leave_changed=True)
        tasks.nudge_changesets()
        return "A worker puts back what nobody changed since."

    @button("Discard", needs="catalog.curate", sure="The preview goes into the records and can never be applied.")
    def discard(self, request, changeset) -> str:
        changesets.discard(changeset=changeset, by=request.user)
        return "It was discarded. Nothing was changed."


def _stands_applied(changeset: Changeset) -> bool:
    return changeset.applied_at is not None and changeset.state in ("applied", "failed")


def _open(changeset: Changeset) -> bool:
    return changeset.applied_at is None and changeset.state in ("previewed", "failed")


def _changed_since(changeset: Changeset) -> bool:
    return changeset.error_code == "CHANGED_SINCE"


# Button → words, whether it asks first, its look, and when it makes sense.
BUTTONS = {
    "apply": ("Apply", False, "primary",
              lambda c, by: c.state == "previewed" and c.rows_total and c.made_by == by and not _changed_since(c)),
    "preview_again": ("Preview again", False, "", lambda c, by: _open(c)),
    "undo": ("Undo", True, "", lambda c, by: _stands_applied(c) and not _changed_since(c)),
    "undo_rest": ("Undo the rest", True, "", lambda c, by: _stands_applied(c) and _changed_since(c)),
    "discard": ("Discard", True, "", lambda c, by: _open(c)),
}  # fmt: skip
