"""`/tracks/<id>/audio`: another recording for a track, and the ones that it had."""

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.catalog import tasks as catalog
from apps.catalog.models import FormerFile, Track
from apps.lib import nudges
from apps.lib.errors import Refusal
from apps.uploads import actions, progress, replacing, tasks


class AudioForm(forms.Form):
    """The shape only; what is wrong with a file, also an empty one, is said by `actions.receive`."""

    file = forms.FileField(allow_empty_file=True, error_messages={"required": "Choose a file first."})

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        self.fields["file"].help_text = f"{progress.FORMS}, up to {limit} MB. It counts as one of today’s uploads."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def audio(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The present audio, a form for another one, and what can be put back."""
    track = Track.objects.with_page().get_editable(request.user, pk=pk)
    form = AudioForm(request.POST, request.FILES) if request.method == "POST" else AudioForm()
    if form.is_valid() and _replaced(request, track, form):
        return redirect("track-audio-page", pk)
    shown = {"track": track, "form": form, "former": replacing.former(track), "warning": replacing.warning(track)}
    return render(request, "uploads/audio.html", shown, status=400 if form.errors else 200)


def _replaced(request: HttpRequest, track: Track, form: AudioForm) -> bool:
    file = form.cleaned_data["file"]
    try:
        upload = actions.receive(
            user=request.user,
            content=file,
            file_name=file.name,
            content_type=file.content_type,
            held=request.held,
            replaces=track,
        )
    except Refusal as refusal:
        form.add_error("file", [*filter(None, (refusal.message, progress.ADVICE.get(refusal.code)))])
        return False
    tasks.nudge(upload)
    messages.success(request, "It is this audio already." if upload.is_duplicate else "The audio is replaced.")
    return True


@login_required
@require_POST
def restore(request: HttpRequest, pk: UUID, former_pk: UUID) -> HttpResponse:
    """Put one back."""
    former = FormerFile.objects.get_editable(request.user, pk=former_pk, track=pk)
    replacing.restore(former=former, by=request.user)
    nudges.send(catalog.sweep)
    messages.success(request, "The former audio is back.")
    return redirect("track-audio-page", pk)
