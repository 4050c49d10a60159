"""What the forms below tracks and entries do: add, move, take out. A refusal is said on the page one comes back to."""

import re
from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.lib.errors import Refusal
from apps.playlists import actions
from apps.playlists.forms import AddForm, PlaceForm
from apps.playlists.models import Entry, Playlist


@login_required
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """A track into one of one's playlists, or into a new one, from its page."""
    form = AddForm(request.POST)
    if not form.is_valid():
        raise Refusal("INVALID", "Say which track, and into which playlist.", fields=dict(form.errors))
    wanted = form.cleaned_data
    try:
        playlist = _add(request.user, **wanted)
    except Refusal as refusal:
        messages.error(request, f"{refusal.message}.".replace("..", "."))
        return redirect("track-page", wanted["track_id"])
    messages.success(request, f"Added to “{playlist.name}”.")
    return redirect("track-page", wanted["track_id"])


@transaction.atomic
def _add(user, *, track_id: UUID, playlist: UUID | None, name: str) -> Playlist:
    """A new playlist comes with its first track or not at all."""
    into = Playlist.objects.get_fillable(user, pk=playlist) if playlist else actions.create(owner=user, name=name)
    actions.add(playlist=into, track_id=track_id, by=user)
    return into


@login_required
@require_POST
def move(request: HttpRequest, pk: UUID, entry_pk: UUID) -> HttpResponse:
    """An entry to another place."""
    form = PlaceForm(request.POST)
    position = form.cleaned_data["position"] if form.is_valid() else None
    return _changed(request, pk, entry_pk, lambda entry: actions.move(entry=entry, position=position))


@login_required
@require_POST
def remove(request: HttpRequest, pk: UUID, entry_pk: UUID) -> HttpResponse:
    """An entry out of its playlist."""
    return _changed(request, pk, entry_pk, lambda entry: actions.remove(entry=entry))


def _changed(request: HttpRequest, pk: UUID, entry_pk: UUID, act: Callable[[Entry], object]) -> HttpResponse:
    act(Entry.objects.get_editable(request.user, pk=entry_pk, playlist=pk))
    page = request.POST.get("page", "")
    there = redirect("playlist-page", pk)
    there["Location"] += f"?page={page}" if re.fullmatch("[0-9]{1,5}", page) and page != "1" else ""
    return there
