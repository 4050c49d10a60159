"""The pages of uploads. The script sends files by tus and follows them; without scripts the form comes here."""

import json
import uuid

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.lib.errors import Refusal
from apps.uploads import actions, intake, pieces, progress, quota, tasks
from apps.uploads.models import Upload

PER_PAGE = 24


class UploadForm(forms.Form):
    """The shape only; what is wrong with a file, also an empty one, is said by `actions.receive`."""

    file = forms.FileField(allow_empty_file=True, error_messages={"required": "Choose a file first."})
    title = forms.CharField(max_length=255, required=False)
    is_public = forms.BooleanField(required=False, initial=True)
    what_to_do = ""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """An empty form; a sent one becomes a track and leads to it, or comes back with what was refused."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid() and (done := _receive(request, form)):
        return redirect("track-page", done.track_id)
    limit = settings.UPLOAD_MAX_BYTES
    facts = {
        "form": form,
        "forms": progress.FORMS,
        "accept": progress.ACCEPT,
        "limit": limit,
        "limit_mb": limit // (1024 * 1024),
        "too_large": intake.too_large().message,
        "quota": quota.standing(request.user),
        "advice": json.dumps(progress.ADVICE),
        "what_to_do": form.what_to_do,
    }
    return render(request, "uploads/upload.html", facts, status=400 if form.errors else 200)


def _receive(request: HttpRequest, form: UploadForm) -> Upload | None:
    facts = dict(form.cleaned_data)
    file = facts.pop("file")
    try:
        done = actions.receive(
            user=request.user,
            content=file,
            file_name=file.name,
            content_type=file.content_type,
            held=request.held,
            **facts,
        )
    except Refusal as refusal:
        form.add_error("file", refusal.message)
        form.what_to_do = progress.ADVICE.get(refusal.code, "")
        return None
    tasks.nudge(done)
    return done


@login_required
@require_safe
def uploads(request: HttpRequest) -> HttpResponse:
    """What the person brought in or is bringing in, newest first; `?page=` from 1."""
    rows = Upload.objects.filter(user=request.user).select_related("track", "check_row").order_by("-id")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    for row in page.object_list:
        row.progress = progress.of(row)
    return render(request, "uploads/uploads.html", {"page": page, "quota": quota.standing(request.user)})


@login_required
@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End one that is not whole; its quota is given back."""
    upload = Upload.objects.get_editable(request.user, pk=pk)
    try:
        pieces.end(upload)
        messages.success(request, "The upload is cancelled.")
    except Refusal as late:  # it is whole, over, or somebody is at it: nothing to be corrected here
        messages.error(request, late.message)
    return redirect("uploads-page")
