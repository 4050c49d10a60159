"""The listeners' pages: newest tracks, the whole catalogue, one track, one person."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from apps.accounts import profiles
from apps.catalog import browse as catalogue
from apps.catalog import filters, plays
from apps.catalog.models import Track
from apps.lib.errors import Refusal

PER_PAGE = 24


def readable(request: HttpRequest):
    """The gate of every page here."""
    return Track.objects.visible_to(request.user).with_playable(request.user).with_page()


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """The newest public tracks; `?page=` from 1."""
    rows = readable(request).public().order_by("-id")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "catalog/front.html", {"page": page})


@require_safe
def browse(request: HttpRequest) -> HttpResponse:
    """The catalogue by search and filters, as the API's list takes them; `?cursor=` leads on."""
    texts, cursor = catalogue.asked(request.GET), request.GET.get("cursor", "")
    try:
        wanted = filters.read(texts)
        ids, around = catalogue.found(request.user, wanted, size=PER_PAGE, cursor=cursor)
    except Refusal as refusal:
        context = {**catalogue.refused(texts, refusal), **_said(texts)}
        return render(request, "catalog/browse.html", context, status=400)
    cards = readable(request).in_bulk(ids)
    tracks = [cards[pk] for pk in ids if pk in cards]
    context = {**catalogue.form(request.user, wanted, ids), **_said(texts), "tracks": tracks, "around": around}
    return render(request, "catalog/browse.html", {**context, "further": bool(cursor)})


def _said(texts: dict) -> dict:
    return {"texts": texts, "orders": catalogue.orders(texts)}


@require_safe
def track(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One track with its waveform; the owner and staff see its plays by day. A merged one leads to where it went."""
    found = readable(request).filter(pk=pk).first()
    if found is None or found.status == "merged":
        if there := Track.objects.successor(request.user, pk):
            return redirect("track-page", there)
        raise Http404
    parts = {"sections": found.sections.order_by("start_ms"), "credits": found.credits.order_by("pk"),
             "instruments": found.instruments.order_by("-is_primary", "pk")}  # fmt: skip
    context = {"track": found, "days": plays.told_to(request.user, found), **parts}
    return render(request, "catalog/track.html", context)


@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    """Somebody and those of their tracks that the visitor may see; `?page=` from 1 (S4-11)."""
    found = profiles.public(username)
    if found.profile.username != username:
        return redirect("person", found.profile.username)
    rows = readable(request).of(found).live().order_by("-id")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "catalog/person.html", {"person": found, "page": page})
