"""`/notices`: a person's inbox. Looking at it marks nothing; a button does (S3-13)."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import digests, notices
from apps.accounts.models import Notice

SHOWN = 30


@login_required
@require_safe
def shown(request: HttpRequest) -> HttpResponse:
    """Newest first; `?before=<id>` shows older ones."""
    rows = Notice.objects.filter(user=request.user).order_by("-id")
    before = _key(request.GET.get("before", ""))
    found = list((rows.filter(pk__lt=before) if before else rows)[: SHOWN + 1])
    older = found[SHOWN - 1].pk if len(found) > SHOWN else None
    return render(request, "accounts/notices.html", {"notices": found[:SHOWN], "older": older, "before": before})


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    count = notices.read(user=request.user)
    messages.success(request, f"{count} marked as read." if count else "There was nothing new.")
    return redirect("notices")


@login_required
@require_POST
def read(request: HttpRequest, pk: UUID) -> HttpResponse:
    notices.mark(notice=get_object_or_404(Notice, pk=pk, user=request.user), read=True)
    return redirect("notices")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def digest_off(request: HttpRequest, token: str) -> HttpResponse:
    """What the digest's own link opens: a question, and the answer by POST, also from a mail program (RFC 8058).

    The token is the right to do it: whoever has the letter needs no session, and so there is no form to forge.
    """
    profile = digests.reader(token)
    if request.method == "POST":
        digests.switch_off(profile=profile)
    return render(request, "accounts/digest_off.html", {"profile": profile})
