"""`/playlists` and `/playlists/<id>`: what there is, and one to listen to from its first track to its last."""

from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from apps.catalog.models import Track
from apps.lib.errors import Refusal
from apps.playlists import actions
from apps.playlists.forms import NewForm
from apps.playlists.models import Entry, Playlist

PER_PAGE = 200
SHOWN, PUBLIC = 200, 24


@require_http_methods(["GET", "HEAD", "POST"])
def playlists(request: HttpRequest) -> HttpResponse:
    """One's own and those one was let into, and the newest public ones; a name makes a new one."""
    if request.method == "POST" and not request.user.is_authenticated:
        return redirect(f"/sign-in?next={request.path}")
    form = NewForm(request.POST or None)
    if form.is_valid():
        try:
            return redirect("playlist-page", actions.create(owner=request.user, **form.cleaned_data).pk)
        except Refusal as refusal:
            form.add_error("name", refusal.message)
    rows = newest(Playlist.objects.visible_to(request.user))
    facts = {"form": form, "public": rows.public()[:PUBLIC]}
    if request.user.is_authenticated:
        facts |= {"own": rows.of(request.user)[:SHOWN], "joined": rows.joined_by(request.user)[:SHOWN]}
    return render(request, "playlists/playlists.html", facts, status=400 if form.errors else 200)


def newest(rows: QuerySet[Playlist]) -> QuerySet[Playlist]:
    """For showing in a list, without the bytes of their covers."""
    rows = rows.select_related("owner__profile", "cover").defer("cover__image")
    return rows.order_by("-created_at", "-pk")


@require_safe
def playlist(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A playlist in its order; `?page=` from 1. Tracks that the visitor does not see keep their places."""
    rows = Playlist.objects.visible_to(request.user).select_related("owner__profile", "cover").defer("cover__image")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    entries = Entry.objects.filter(playlist=found).order_by("position").select_related("added_by__profile")
    page = Paginator(entries, PER_PAGE).get_page(request.GET.get("page"))
    first = page.start_index() - 1 if page.object_list else 0
    may = {
        "fill": Playlist.objects.fillable_by(request.user).filter(pk=pk).exists(),
        "edit": Playlist.objects.editable_by(request.user).filter(pk=pk).exists(),
        "leave": Playlist.objects.joined_by(request.user).filter(pk=pk).exists() if request.user.pk else False,
    }
    facts = {"playlist": found, "page": page, "rows": shown(request, page, first), "first": first, "may": may}
    facts |= {"count": page.paginator.count, "heard": entries.filter(track__in=_seen(request)).count()}
    return render(request, "playlists/playlist.html", facts)


def _seen(request: HttpRequest) -> QuerySet[Track]:
    return Track.objects.visible_to(request.user).live()


def shown(request: HttpRequest, page, first: int) -> list[dict]:
    """Entries with their places from 0 on, and with the tracks that the visitor sees."""
    readable = _seen(request).with_playable(request.user).with_page()
    tracks = readable.in_bulk([entry.track_id for entry in page])
    return [
        {"entry": entry, "place": place, "track": tracks.get(entry.track_id)}
        for place, entry in enumerate(page, start=first)
    ]
