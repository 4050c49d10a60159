"""The listeners' pages: newest tracks, one track, one person."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from apps.accounts import profiles
from apps.catalog.models import Track

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
def track(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One track with its waveform."""
    return render(request, "catalog/track.html", {"track": get_object_or_404(readable(request), pk=pk)})


@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    """Somebody and those of their tracks that the visitor may see; `?page=` from 1 (S4-11)."""
    found = profiles.public(username)
    if found.profile.username != username:
        return redirect("person", found.profile.username)
    rows = readable(request).of(found).live().order_by("-id")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "catalog/person.html", {"person": found, "page": page})
