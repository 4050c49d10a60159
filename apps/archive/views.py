"""The page of one's own generated tracks: which are saved, which not yet, which could not be (S3-13); and metrics."""

import contextlib
import ipaddress
import uuid

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts.access import may
from apps.archive import metrics, owners
from apps.lib import client

PER_PAGE = 24
# What proxies say of themselves and of whom they ask for.
OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")


@login_required
@require_safe
def library(request: HttpRequest) -> HttpResponse:
    """`?saved=` waiting, lost or saved, `?page=` from 1. `?track=` leads to the track's page, as S3-13 links there."""
    with contextlib.suppress(ValueError):
        return redirect("track-page", uuid.UUID(request.GET.get("track", "")))
    saved = request.GET.get("saved", "")
    saved = saved if saved in owners.SAVED else ""
    page = Paginator(owners.tracks(request.user, saved), PER_PAGE).get_page(request.GET.get("page"))
    for track in page.object_list:
        track.standings = owners.standings(track)
    choices = [(key, words) for key, (words, _) in owners.SAVED.items()]
    return render(request, "archive/library.html", {"page": page, "saved": saved, "choices": choices})


@never_cache
@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """For Prometheus: with METRICS_TOKEN as a bearer token, else from this machine; and for who sees the archive."""
    if may(request.user, "archive.see") or _lets_in(request):
        return HttpResponse(metrics.text(), content_type=metrics.CONTENT_TYPE)
    said = {"WWW-Authenticate": "Bearer"}
    return HttpResponse("A bearer token is needed.\n", "text/plain", 401, headers=said)


def _lets_in(request: HttpRequest) -> bool:
    """What a proxy hands on is not from this machine, though the proxy may be: also where nobody told us of it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN:
        return scheme.lower() == "bearer" and metrics.admits(token.strip())
    handed_on = settings.BEHIND_PROXY or any(name in request.headers for name in OF_PROXIES)
    return not handed_on and ipaddress.ip_address(client.address(request)).is_loopback
