"""The upload page. Its script sends the form to the API and follows the upload; without scripts the form comes here."""

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.lib.errors import Refusal
from apps.uploads import actions, intake, tasks
from apps.uploads.models import Upload


class UploadForm(forms.Form):
    """The shape only; what is wrong with a file, also an empty one, is said by `actions.receive`."""

    file = forms.FileField(allow_empty_file=True, error_messages={"required": "Choose a file first."})
    title = forms.CharField(max_length=255, required=False)
    is_public = forms.BooleanField(required=False, initial=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """An empty form; a sent one becomes a track and leads to it, or comes back with what was refused."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid() and (done := _receive(request, form)):
        return redirect("track-page", done.track_id)
    limit = settings.UPLOAD_MAX_BYTES
    facts = {"form": form, "limit": limit, "limit_mb": limit // (1024 * 1024), "too_large": intake.too_large().message}
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
        return None
    tasks.nudge(done)
    return done
