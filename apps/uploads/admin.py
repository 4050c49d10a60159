"""Staff's window on uploads: what came in, what was refused and why, what is stuck."""

from django.contrib import admin
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to
from apps.lib.errors import Conflict
from apps.uploads import actions, tasks
from apps.uploads.models import Upload

TONES = {"received": "info", "checked": "warning", "compressed": "warning", "ready": "success", "refused": "danger"}
STATES = {state: (state, Q(state=state)) for state in Upload.machine.states}
UNFINISHED = ("checked", "compressed")


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ["file", "state_badge", "person", "size", "reason", "to_track", "created"]
    list_filter = [choice_filter("state", "state", STATES, at_hand=True), "created_at"]
    search_fields = ["file_name", "user__email", "error_code", "sha256__startswith"]
    search_help_text = "File name, person's e-mail, error code, SHA-256 or upload id"
    ordering = ["-id"]
    sortable_by = ["size", "created"]
    actions = ["finish_uploads"]
    actions_row = actions_detail = ["finish_now"]
    fieldsets = [
        (None, {"fields": ["file", "state_badge", "person", "title", "track"]}),
        ("File", {"fields": [("size", "content_type"), "sha256", "file_key"]}),
        ("Refusal", {"fields": ["error_code", "error_message"]}),
        ("Record", {"fields": [("created_at", "updated_at"), "id"]}),
    ]

    def has_retry_permission(self, request) -> bool:
        return request.user.has_perm("uploads.retry")

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user__profile", "track")

    def called(self, upload) -> str:
        return upload.file_name

    @display(description="file")
    def file(self, upload) -> SafeString:
        return format_html('<span class="clipped" title="{0}">{0}</span>', upload.file_name)

    @display(description="state")
    def state_badge(self, upload) -> SafeString:
        return badge(upload.state, TONES[upload.state])

    @display(description="person")
    def person(self, upload) -> str:
        profile = getattr(upload.user, "profile", None)
        return profile.username if profile else upload.user.email

    @display(description="size", ordering="size_bytes")
    def size(self, upload) -> str:
        return filesizeformat(upload.size_bytes)

    @display(description="reason")
    def reason(self, upload) -> SafeString | str:
        if not upload.error_code:
            return ""
        return format_html('<span title="{}">{}</span>', upload.error_message, upload.error_code)

    @display(description="track")
    def to_track(self, upload) -> SafeString | str:
        return format_html('<span class="clipped">{}</span>', link_to(upload.track)) if upload.track else ""

    @display(description="created", ordering="id")
    def created(self, upload) -> str:
        return f"{upload.created_at:%Y-%m-%d %H:%M}"

    @button("Finish now", needs="uploads.retry", icon="done_all", offered=lambda upload: upload.state in UNFINISHED)
    def finish_now(self, request, upload) -> str:
        return _finish(upload)

    @admin.action(description="Finish now", permissions=["retry"])
    def finish_uploads(self, request, queryset) -> None:
        self.each(request, queryset, "Finish now", _finish)


def _finish(upload: Upload) -> str:
    """Publish it when its files are made, else wake the worker that makes them."""
    if upload.state not in UNFINISHED:
        raise Conflict(f"It is {upload.state}: there is nothing to finish.")
    if actions.publish(upload).state == "ready":
        return "The upload is ready."
    tasks.nudge(upload)
    return "Its files are not made yet; a worker was woken to make them."
