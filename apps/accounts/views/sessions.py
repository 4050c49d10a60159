"""`/account/sessions`: where a person is signed in, and how to end it (S4-09)."""

import datetime as dt
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import sessions
from apps.accounts.models import Session
from apps.lib import agents

# Of more, the page shows the most recent; all of them end with one button.
SHOWN = 100


@login_required
@require_safe
def shown(request: HttpRequest) -> HttpResponse:
    """The asking browser first, then the most recently active."""
    found = sessions.living(user=request.user).order_by("-last_activity", "-id")[:SHOWN]
    rows = [_row(request, session, timezone.now()) for session in found]
    rows.sort(key=lambda row: not row["current"])
    return render(request, "accounts/sessions.html", {"rows": rows})


def _row(request: HttpRequest, session: Session, now: dt.datetime) -> dict:
    return {
        "session": session,
        "name": agents.name(session.agent),
        "current": sessions.is_current(request, session),
        "is_active": now - session.last_activity < sessions.GRAIN,
    }


@login_required
@require_POST
def end(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Sign one browser out; whoever signs out the one in use lands on the front page."""
    row = get_object_or_404(sessions.living(user=request.user), id=pk)
    here = sessions.is_current(request, row)
    sessions.leave(request, row)
    messages.success(request, f"Signed out: {agents.name(row.agent)}.")
    return redirect("front" if here else "account-sessions")


@login_required
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    sessions.end_others(user=request.user, keep=request.session.session_key)
    messages.success(request, "Signed out everywhere else.")
    return redirect("account-sessions")
