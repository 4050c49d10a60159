"""`/playlists/import` and `/playlists/imports`: a playlist file comes in, and its open lines are settled by hand."""

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.catalog import browse, filters
from apps.catalog.models import Track
from apps.lib.errors import Refusal
from apps.playlists import importing, matching, tasks
from apps.playlists.models import Import, ImportLine, Playlist

PER_PAGE, FOUND, LISTED = 50, 8, 200
# While a worker is at it the page comes again by itself.
AGAIN_S = "3"
SHOWN = {
    "open": ("To settle", ["waiting", "unresolved", "double", "full"]),
    "added": ("Added", ["found", "added"]),
    "ignored": ("Left out", ["ignored"]),
    "all": ("All", ImportLine.Outcome.values),
}


class ImportForm(forms.Form):
    """The shape only; what is wrong with a file, also an empty one, is said by `importing.begin`."""

    file = forms.FileField(
        label="Playlist file",
        allow_empty_file=True,
        error_messages={"required": "Choose a file first."},
        widget=forms.FileInput(attrs={"accept": ".m3u8,.m3u,.xspf,.jspf,.json,.csv,.txt"}),
    )
    playlist = forms.ModelChoiceField(
        Playlist.objects.none(), label="Into", required=False, empty_label="A new playlist"
    )
    name = forms.CharField(
        label="Name of the new playlist", max_length=255, required=False, help_text="Left empty, the file’s own."
    )

    def __init__(self, *args, user, **options):
        super().__init__(*args, **options)
        mine = Playlist.objects.all().mine_rule(user)
        self.fields["playlist"].queryset = Playlist.objects.fillable_by(user).filter(mine).order_by("name", "pk")


class LineForm(forms.Form):
    track_id = forms.UUIDField(required=False)
    ignored = forms.ChoiceField(choices=[("1", "yes"), ("0", "no")], required=False)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """A form; a sent file leads to its report, or comes back with what was refused."""
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = ImportForm(*sent, user=request.user)
    if form.is_valid() and (imported := _begun(request, form)):
        return redirect("playlist-import-page", imported.pk)
    facts = {"form": form, "limit_mb": settings.PLAYLIST_FILE_MAX_BYTES // 2**20, "most": settings.PLAYLIST_MAX_ENTRIES}
    return render(request, "playlists/import.html", facts, status=400 if form.errors else 200)


def _begun(request: HttpRequest, form: ImportForm) -> Import | None:
    said = form.cleaned_data
    file, playlist = said["file"], said["playlist"]
    try:
        imported = importing.begin(
            content=file, file_name=file.name, by=request.user, playlist=playlist,
            name="" if playlist else said["name"],
        )  # fmt: skip
    except Refusal as refusal:
        form.add_error("name" if "name" in refusal.fields else "file", refusal.message)
        return None
    if not importing.finish_if_small(imported):
        tasks.nudge_imports()
    return imported


@login_required
@require_safe
def imports(request: HttpRequest) -> HttpResponse:
    """One's own, newest first."""
    rows = list(Import.objects.editable_by(request.user).select_related("playlist").order_by("-id")[:LISTED])
    counted = importing.counts(*rows)
    shown = [{"imported": row, "counts": counted[row.pk], "open": _open(counted[row.pk])} for row in rows]
    return render(request, "playlists/imports.html", {"rows": shown})


def _open(counts: dict[str, int]) -> int:
    return sum(counts[outcome] for outcome in SHOWN["open"][1])


@login_required
@require_safe
def report(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What became of each line. `?show=` one kind, `?page=` from 1, `?line=` with `?q=` looks for the track of one."""
    imported = Import.objects.select_related("playlist").get_visible(request.user, pk=pk)
    counts = importing.counts(imported)[pk]
    show = request.GET.get("show", "open" if _open(counts) else "added")
    if show not in SHOWN:
        raise Http404
    lines = imported.lines.filter(outcome__in=SHOWN[show][1]).order_by("number")
    page = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
    tracks = matching.tracks([line.track_id for line in page], request.user)
    seen = Playlist.objects.visible_to(request.user).filter(pk=imported.playlist_id).exists()
    gone = importing.taken_out(imported, page) if seen else set()
    facts = {
        "imported": imported, "counts": counts, "show": show, "page": page,
        "rows": [{"line": each, "track": tracks.get(each.track_id), "gone": each.track_id in gone} for each in page],
        "tabs": [(key, words, sum(counts[each] for each in of)) for key, (words, of) in SHOWN.items()],
        "mine": Import.objects.editable_by(request.user).filter(pk=pk).exists(),
        "in_work": imported.state in ("due", "running", "retrying"),
        "seen": seen,
        **_looked_for(request, imported),
    }  # fmt: skip
    response = render(request, "playlists/report.html", facts)
    if facts["in_work"]:
        response["Refresh"] = AGAIN_S
    return response


def _looked_for(request: HttpRequest, imported: Import) -> dict:
    """The line that one is at, and the tracks that it may mean: likely ones, or those that a search finds."""
    number, q = request.GET.get("line", ""), request.GET.get("q", "").strip()
    if not (number.isdecimal() and len(number) < 7):
        return {}
    line = imported.lines.filter(number=int(number)).first()
    if line is None:
        raise Http404
    if not q:
        return {"at": line, "q": "", "found": matching.candidates(line, request.user)}
    try:
        ids, _ = browse.found(request.user, filters.read({"q": q}), size=FOUND, cursor="")
    except Refusal as refusal:
        return {"at": line, "q": q, "found": [], "refused": refusal.message}
    known = Track.objects.visible_to(request.user).in_bulk(ids)
    return {"at": line, "q": q, "found": [(known[pk], None) for pk in ids if pk in known]}


@login_required
@require_POST
def settle(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """This is the track of a line, or the line is left out."""
    imported = Import.objects.get_editable(request.user, pk=pk)
    line, form = imported.lines.filter(number=number).first(), LineForm(request.POST)
    if line is None:
        raise Http404
    if not form.is_valid() or bool(form.cleaned_data["track_id"]) == bool(form.cleaned_data["ignored"]):
        raise Refusal("INVALID", "Say which track it is, or that the line is left out.", fields=dict(form.errors))
    track, ignored = form.cleaned_data["track_id"], form.cleaned_data["ignored"]
    try:
        if track:
            importing.resolve(line=line, track_id=track, by=request.user)
        else:
            importing.ignore(line=line, yes=ignored == "1")
        messages.success(request, f"Line {number} is {'in the playlist' if track else 'settled'}.")
    except Refusal as refusal:
        messages.error(request, f"Line {number}: {refusal.message}.".replace("..", "."))
    return redirect("playlist-import-page", pk)


@login_required
@require_POST
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A failed one anew."""
    importing.retry(imported=Import.objects.get_editable(request.user, pk=pk))
    tasks.nudge_imports()
    return redirect("playlist-import-page", pk)


@login_required
@require_POST
def forget(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The report goes; the playlist stays."""
    importing.forget(imported=Import.objects.get_editable(request.user, pk=pk))
    messages.success(request, "The report is deleted. The playlist stays as it is.")
    return redirect("playlist-imports-page")
