"""The listeners' pages: newest tracks, one track."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.catalog.models import Track
from apps.lib.errors import NotFound

PER_PAGE = 24


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """The newest public tracks."""
    rows = Track.objects.public().with_playable(request.user).with_page().order_by("-id")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "catalog/front.html", {"page": page})


@require_safe
def track(request: HttpRequest, pk) -> HttpResponse:
    """One track with its waveform."""
    rows = Track.objects.with_playable(request.user).with_page()
    try:
        found = rows.get_visible(request.user, pk=pk)
    except NotFound as hidden:
        raise Http404 from hidden
    return render(request, "catalog/track.html", {"track": found})
