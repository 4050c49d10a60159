"""`/account/data`: everything that is kept of somebody, to take along or to have deleted."""

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts import departure, profiles
from apps.accounts.api.data import sent
from apps.accounts.export import Export
from apps.lib import client
from apps.lib.errors import Refusal


class LeaveForm(forms.Form):
    tracks = forms.ChoiceField(
        label="Your tracks",
        choices=list(departure.TRACKS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what becomes of your tracks."},
    )
    username = forms.CharField(label="Your username", max_length=100)
    password = forms.CharField(label="Your password", max_length=4096, strip=False, widget=forms.PasswordInput)

    def __init__(self, *args, username: str, **options):
        super().__init__(*args, **options)
        self.expected = username
        self.fields["username"].help_text = f"Type {username}, so that nothing happens by mistake."

    def clean_username(self) -> str:
        if self.cleaned_data["username"] != self.expected:
            raise forms.ValidationError(f"Type {self.expected} to go on.")
        return self.expected


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def data(request: HttpRequest) -> HttpResponse:
    """The way to the export, and the form to leave by; a sent one ends the account and leads to the front page."""
    form = LeaveForm(request.POST or None, username=profiles.of(request.user).username)
    if form.is_valid() and _left(request, form):
        logout(request)
        messages.success(request, "Your account is gone. A last e-mail says so.")
        return redirect("front")
    facts = {
        "form": form,
        "confirmed": did_recently_reauthenticate(request),
        "obstacle": departure.obstacle(request.user),
        "paid": departure.paid_for(request.user),
    }
    return render(request, "accounts/data.html", facts, status=400 if form.errors else 200)


def _left(request: HttpRequest, form: LeaveForm) -> bool:
    facts = {"password": form.cleaned_data["password"], "tracks": form.cleaned_data["tracks"]}
    try:
        departure.leave(user=request.user, address=client.address(request), **facts)
    except Refusal as refusal:
        form.add_error("password" if "password" in refusal.fields else None, refusal.message)
        return False
    return True


@login_required
@require_GET
@reauthentication_required
def export(request: HttpRequest) -> HttpResponseBase:
    """The export as a download, for whoever has just said their password."""
    return sent(Export(request.user))
