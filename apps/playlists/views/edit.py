"""`/playlists/<id>/edit` and what its forms do: words, cover, members, the end of a playlist."""

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.lib.errors import Refusal
from apps.lib.picture import too_large
from apps.playlists import actions, covers, members
from apps.playlists.forms import CoverForm, EditForm, MemberForm
from apps.playlists.models import Member, Playlist


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name, description and who may do what."""
    playlist = editable(request, pk)
    form = EditForm(request.POST) if request.method == "POST" else _as_it_is(playlist)
    if form.is_valid() and _done(form, "name", actions.edit, playlist=playlist, **form.cleaned_data):
        messages.success(request, "The playlist is saved.")
        return redirect("playlist-page", pk)
    return _shown(request, playlist, form=form)


def editable(request: HttpRequest, pk: UUID) -> Playlist:
    rows = Playlist.objects.select_related("owner__profile", "cover").defer("cover__image")
    return rows.get_editable(request.user, pk=pk)


def _as_it_is(playlist: Playlist) -> EditForm:
    facts = {name: getattr(playlist, name) for name in EditForm.field_order}
    return EditForm(initial={**facts, "seen": actions.mark(playlist)})


def _done(form: forms.Form, field: str, act: Callable, **facts) -> bool:
    """Whether it was done with these facts; a refusal stands on the form."""
    try:
        act(**facts)
    except Refusal as refusal:
        form.stale = refusal.status == 412
        known = next((name for name in refusal.fields if name in form.fields), None if form.stale else field)
        form.add_error(known, refusal.message)
        return False
    return True


def _shown(request: HttpRequest, playlist: Playlist, **forms_of) -> HttpResponse:
    """The page with what was sent, and with the other forms as they are at first."""
    facts = {
        "form": _as_it_is(playlist),
        "picture": CoverForm(),
        "joining": MemberForm(),
        **forms_of,
    }
    failed = [form for form in facts.values() if form.errors]
    status = 412 if any(getattr(form, "stale", False) for form in failed) else 400 if failed else 200
    facts |= {"playlist": playlist, "members": members.of(playlist), "limit": too_large()}
    return render(request, "playlists/edit.html", facts, status=status)


@login_required
@require_POST
def cover(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new cover, or none any more."""
    playlist = editable(request, pk)
    form = CoverForm(request.POST, request.FILES)
    if "drop" in request.POST:
        covers.drop(playlist=playlist)
        messages.success(request, "The cover is removed.")
        return redirect("playlist-edit", pk)
    content = form.files.get("file")
    if form.is_valid() and _done(form, "file", covers.put, playlist=playlist, content=content):
        messages.success(request, "The cover is saved.")
        return redirect("playlist-edit", pk)
    return _shown(request, playlist, picture=form)


@login_required
@require_POST
def member(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Somebody is let in, or their role changes."""
    playlist = editable(request, pk)
    form = MemberForm(request.POST)
    if form.is_valid() and _done(form, "username", members.put, playlist=playlist, **form.cleaned_data):
        messages.success(request, f"{form.cleaned_data['username']} is in.")
        return redirect("playlist-edit", pk)
    return _shown(request, playlist, joining=form)


@login_required
@require_POST
def drop_member(request: HttpRequest, pk: UUID, username: str) -> HttpResponse:
    """Out: by the owner, or by themselves."""
    playlist = Playlist.objects.get_visible(request.user, pk=pk)
    row = Member.objects.get_editable(request.user, **members.named(playlist, username))
    members.drop(member=row)
    if row.user_id == request.user.pk:
        messages.success(request, f"You left “{playlist.name}”.")
        return redirect("playlists")
    messages.success(request, f"{username} is out.")
    return redirect("playlist-edit", pk)


@login_required
@require_POST
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    playlist = editable(request, pk)
    actions.delete(playlist=playlist)
    messages.success(request, f"“{playlist.name}” is deleted. Its tracks stay.")
    return redirect("playlists")
