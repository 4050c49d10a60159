"""Hand in a file for one asset: the form on a page of its own, and the way to it."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanSwitchWidget

from apps.archive.handing import hand_in
from apps.archive.models import ArchiveAsset
from apps.catalog import tasks
from apps.lib import nudges
from apps.lib.admin import page_of
from apps.lib.errors import Refusal

LABEL = "Hand in the file"


class HandInForm(forms.Form):
    """The shape only; what is wrong with a file is said by `hand_in`."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget, allow_empty_file=True, max_length=None,
        error_messages={"required": "Choose a file first."},
        help_text="Checked and stored as if it had come from the provider.",
    )  # fmt: skip
    any_length = forms.BooleanField(
        required=False, widget=UnfoldBooleanSwitchWidget, label="Any length",
        help_text="Keep audio also if it is not as long as the provider announced.",
    )  # fmt: skip


def page(model_admin, request: HttpRequest, pk) -> HttpResponse:
    """Empty, or what was sent and why it was refused."""
    asset = model_admin.get_object(request, str(pk))
    if asset is None:
        raise Http404
    if not request.user.has_perm("archive.run"):
        raise PermissionDenied
    sent = request.method == "POST"
    form = HandInForm(request.POST, request.FILES) if sent else HandInForm()
    if form.is_valid():
        file = form.cleaned_data["file"]
        facts = {"file_name": file.name, "any_length": form.cleaned_data["any_length"]}
        try:
            hand_in(track=asset.track, kind=asset.kind, content=file, by=request.user, **facts)
        except Refusal as refusal:
            form.add_error("file", refusal.message)
        else:
            nudges.send(tasks.sweep)
            model_admin.log_change(request, asset, LABEL)
            model_admin.message_user(request, "It is archived.", messages.SUCCESS)
            return HttpResponseRedirect(page_of(asset))
    context = {
        **model_admin.admin_site.each_context(request), "opts": model_admin.opts, "original": asset, "title": LABEL,
        "form": form, "back": page_of(asset), "name": model_admin.called(asset),
    }  # fmt: skip
    return TemplateResponse(request, "admin/archive/hand_in.html", context, status=400 if form.errors else 200)


def way(request: HttpRequest, asset: ArchiveAsset) -> str:
    """A panel with the way to the form, where a file is still wanted."""
    wanted = asset.state not in ("archived", "dropped") and request.user.has_perm("archive.run")
    address = reverse("admin:archive_archiveasset_hand_in", args=[asset.pk])
    return render_to_string("admin/archive/hand_in_way.html", {"address": address}) if wanted else ""
