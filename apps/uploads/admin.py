"""Staff's window on uploads: what came in, what was refused and why, what is stuck; and the way into the library."""

from functools import partial

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.accounts.admin.people import PersonAdmin
from apps.catalog.admin import TrackAdmin
from apps.catalog.models import Track
from apps.lib import sizes
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, link_to, moment, page_of
from apps.lib.errors import Conflict, Refusal
from apps.uploads import actions, admin_quota, admin_replacing, admin_storage, progress, tasks
from apps.uploads.admin_folders import FolderImportAdmin
from apps.uploads.admin_reports import CompressionReportAdmin
from apps.uploads.models import Check, Upload

__all__ = ["CompressionReportAdmin", "FolderImportAdmin", "UploadAdmin"]

TONES = {"received": "info", "checked": "warning", "compressed": "warning", "ready": "success", "refused": "danger"}
STATES = {state: (state, Q(state=state)) for state in Upload.machine.states}
UNFINISHED = ("checked", "compressed")
HANGING = ("received", *UNFINISHED)
WAYS = {way.value: (way.label, Q(way=way)) for way in Upload.Way}
FACTS = [
    "title", "artist", "genre", "subgenre", "mood", "tags", "catalog_number", "isrc", "release_date", "description",
    "is_public", "is_pro_only",
]  # fmt: skip


class LibraryForm(forms.ModelForm):
    """The shape only; what is wrong with a file, also an empty one, is said by `actions.receive`."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget, allow_empty_file=True, help_text=f"{progress.FORMS}.",
        error_messages={"required": "Choose a file first."},
    )  # fmt: skip
    field_order = ["file"]

    class Meta:
        widgets = {
            "description": UnfoldAdminTextareaWidget({"rows": 3}),
            "release_date": UnfoldAdminTextInputWidget({"type": "date"}),
            "mood": UnfoldAdminTextInputWidget,
            "tags": UnfoldAdminTextInputWidget,
        }
        help_texts = {
            "title": "Left empty, the title in the file is taken, or its name.",
            "mood": "Separated by commas.",
            "tags": "Separated by commas.",
            "is_public": "Everyone hears it; off: only staff.",
        }

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.fields["title"].required = False


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ["file", "state_badge", "way", "person", "size", "reason", "to_track", "created"]
    list_filter = [
        choice_filter("state", "state", STATES, at_hand=True),
        choice_filter("way", "way", WAYS),
        "created_at",
    ]
    search_fields = ["file_name", "user__email", "error_code", "sha256__startswith"]
    search_help_text = "File name, person's e-mail, error code, SHA-256 or upload id"
    ordering = ["-id"]
    sortable_by = ["size", "created"]
    actions = ["finish_uploads", "retry_uploads"]
    actions_row = actions_detail = ["finish_now", "retry"]
    actions_list = ["storage_use"]
    storage_use = admin_storage.storage_use
    fieldsets = [
        (None, {"fields": ["file", "state_badge", "person", "title", "track"]}),
        ("File", {"fields": [("size", "received"), ("way", "content_type"), "sha256", "announced_sha256", "file_key"]}),
        ("Quota", {"fields": [("reserved", "reserved_on"), "expires_at"]}),
        ("Refusal", {"fields": ["error_code", "error_message", "waits"]}),
        ("Record", {"fields": [("created_at", "updated_at"), "id"]}),
    ]

    def has_add_permission(self, request, obj=None) -> bool:
        """What staff add is the library's; a person's own comes in by the upload page and the API."""
        return request.user.has_perm("catalog.curate")

    def add_view(self, request, form_url="", extra_context=None) -> HttpResponse:
        """Add to the library. Not the theme's own form: that holds a transaction while the file is looked at."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        widgets = partial(self.formfield_for_dbfield, request=request)
        made = modelform_factory(Track, form=LibraryForm, fields=FACTS, formfield_callback=widgets)
        form = made(request.POST or None, request.FILES or None)
        if form.is_valid() and (upload := _receive(request, form)):
            self.log_addition(request, upload, "Added to the library.")
            said = f"“{upload.title}” is in the library. A worker makes its preview and waveform."
            self.message_user(request, said, messages.SUCCESS)
            return HttpResponseRedirect(page_of(upload.track))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "Add to the library", "form": form,
            "back": self.list_page,
        }  # fmt: skip
        return TemplateResponse(request, "admin/uploads/library.html", context, status=400 if form.errors else 200)

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
        return sizes.words(upload.size_bytes)

    @display(description="received")
    def received(self, upload) -> str:
        return sizes.words(upload.received_bytes)

    @display(description="reserved")
    def reserved(self, upload) -> str:
        return sizes.words(upload.reserved_bytes)

    @display(description="last try")
    def waits(self, upload) -> str:
        """Why a received file is not checked yet, and when it is tried again."""
        row = Check.objects.filter(upload=upload, state__in=["due", "running", "retrying"]).first()
        if row is None or not row.error_code:
            return ""
        again = f", again at {moment(row.next_at)}" if row.next_at else ""
        return f"{row.error_code}: {row.error_message} Tried {row.attempts} times{again}."

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
        return moment(upload.created_at)

    @button("Finish now", needs="uploads.retry", icon="done_all", offered=lambda upload: upload.state in UNFINISHED)
    def finish_now(self, request, upload) -> str:
        return _finish(upload)

    @admin.action(description="Finish now", permissions=["retry"])
    def finish_uploads(self, request, queryset) -> None:
        self.each(request, queryset, "Finish now", _finish)

    @button("Try again", needs="uploads.retry", icon="refresh", offered=lambda upload: upload.state in HANGING)
    def retry(self, request, upload) -> str:
        return _retry(upload, request.user)

    @admin.action(description="Try again", permissions=["retry"])
    def retry_uploads(self, request, queryset) -> None:
        self.each(request, queryset, "Try again", lambda upload: _retry(upload, request.user))


def _receive(request: HttpRequest, form: forms.ModelForm) -> Upload | None:
    facts = dict(form.cleaned_data)
    file = facts.pop("file")
    try:
        upload = actions.receive(
            user=request.user, content=file, file_name=file.name, content_type=file.content_type, library=True, **facts
        )
    except Refusal as refusal:
        names = {name: said for name, said in refusal.fields.items() if name in form.fields}
        form.add_error(None, names) if names else form.add_error("file", refusal.message)
        return None
    tasks.nudge(upload)
    return upload


def _finish(upload: Upload) -> str:
    """Publish it when its files are made, else wake the worker that makes them."""
    if upload.state not in UNFINISHED:
        raise Conflict(f"It is {upload.state}: there is nothing to finish.")
    if actions.publish(upload).state == "ready":
        return "The upload is ready."
    tasks.nudge(upload)
    return "Its files are not made yet; a worker was woken to make them."


def _retry(upload: Upload, by) -> str:
    """Its check, or what is made of it, is due at once."""
    tasks.nudge(actions.retry(upload, by))
    return "A worker was woken to try it again."


TrackAdmin.extend(
    inlines=[admin_replacing.FormerTable], buttons=[admin_replacing.put_back], panels=[admin_replacing.warning]
)
PersonAdmin.extend(panels_below=[admin_quota.standing])
