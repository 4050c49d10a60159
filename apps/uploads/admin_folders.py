"""Folders of the server that come in: begin one, see how far it is, and what was refused and why."""

import os
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from apps.accounts.models import User
from apps.lib import nudges
from apps.lib.admin import ReadOnlyAdmin, badge, button, choice_filter, moment, page_of
from apps.lib.errors import Refusal
from apps.uploads import folders, progress, tasks, usage
from apps.uploads.models import FolderFile, FolderImport

TONES = {"due": "info", "running": "info", "done": "success", "stopped": "danger"}
STATES = {state: (state, Q(state=state)) for state in FolderImport.machine.states}
MOST_CHOICES = 500
SHOWN = 100


class FolderForm(forms.Form):
    """A folder of IMPORT_FOLDER by its name, never a path that somebody typed."""

    folder = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    owner = forms.EmailField(
        required=False, widget=UnfoldAdminEmailInputWidget, label="Whose tracks",
        help_text="A person’s e-mail. Left empty, the tracks are the library’s.",
    )  # fmt: skip
    is_public = forms.BooleanField(
        required=False, widget=UnfoldBooleanSwitchWidget, label="Public", help_text="Everyone hears the tracks."
    )

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.fields["folder"].choices = [(name, name) for name in offered()]

    def clean_owner(self) -> User | None:
        address = self.cleaned_data["owner"]
        found = User.objects.filter(email__iexact=address).first() if address else None
        if address and found is None:
            raise forms.ValidationError("There is no account with this address.")
        return found


def offered() -> list[str]:
    """The folders that lie in IMPORT_FOLDER, by name; without links, and without names that are no UTF-8."""
    try:
        found = [each.name for each in os.scandir(settings.IMPORT_FOLDER) if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(name for name in found if not name.startswith(".") and folders.is_writable(name))[:MOST_CHOICES]


def standing(request: HttpRequest, row: FolderImport) -> str:
    """How far it is, and the files that were refused."""
    refused = FolderFile.objects.filter(folder=row, state="refused").order_by("path")
    context = {
        "row": row,
        "badge": state_badge(row),
        "counts": folders.counts(row),
        "in_work": row.state in ("due", "running"),
        "address": reverse("admin:uploads_folderimport_panel", args=[row.pk]),
        "page": Paginator(refused, SHOWN).get_page(request.GET.get("page")),
    }
    return render_to_string("admin/uploads/folder.html", context)


def state_badge(row: FolderImport) -> SafeString:
    return badge(row.get_state_display(), TONES[row.state])


@admin.register(FolderImport)
class FolderImportAdmin(ReadOnlyAdmin):
    list_display = ["name", "state_words", "owner_words", "by", "begun"]
    list_filter = [choice_filter("state", "state", STATES, at_hand=True)]
    list_select_related = ["person__profile", "made_by__profile"]
    search_fields = ["path", "person__email"]
    search_help_text = "Folder, or whose tracks they are"
    ordering = ["-id"]
    sortable_by = ["begun"]
    actions_detail = ["go_on", "stop_folder"]
    panels = (standing,)
    fieldsets = [("Record", {"fields": ["path", "owner_words", "by", "publishes", "begun", "id"]})]

    class Media:
        js = ["admin-keeptrack/poll.js"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("person__profile", "made_by__profile")

    def has_add_permission(self, request, obj=None) -> bool:
        return request.user.has_perm("uploads.import_folder")

    def add_view(self, request, form_url="", extra_context=None) -> HttpResponse:
        """Begin one; a worker does the rest."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = FolderForm(request.POST or None)
        if form.is_valid() and (row := self._begun(request, form)):
            self.log_addition(request, row, "Begun.")
            self.message_user(request, "A worker brings the folder in.", messages.SUCCESS)
            return HttpResponseRedirect(page_of(row))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "Bring in a folder", "form": form,
            "back": self.list_page, "forms": progress.FORMS,
            "root": settings.IMPORT_FOLDER, "any": bool(form.fields["folder"].choices),
        }  # fmt: skip
        return TemplateResponse(request, "admin/uploads/begin_folder.html", context, status=400 if form.errors else 200)

    def _begun(self, request: HttpRequest, form: FolderForm) -> FolderImport | None:
        said = form.cleaned_data
        root = Path(settings.IMPORT_FOLDER)
        facts = {"owner": said["owner"], "is_public": said["is_public"]}
        try:
            row = folders.begin(path=root / said["folder"], inside=root, by=request.user, **facts)
        except Refusal as refusal:
            form.add_error("folder", refusal.message)
            return None
        nudges.send(tasks.import_folders)
        return row

    def get_urls(self):
        panel = path("<uuid:pk>/panel/", self.admin_site.admin_view(self.panel), name="uploads_folderimport_panel")
        return [panel, *super().get_urls()]

    def panel(self, request: HttpRequest, pk) -> HttpResponse:
        """Only where it stands, for a page that is open."""
        row = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return HttpResponse(standing(request, row))

    def called(self, row) -> str:
        return row.path

    @display(description="folder", ordering="path")
    def name(self, row) -> SafeString:
        return format_html('<span class="two-lines">{}</span>', row.path)

    @display(description="state")
    def state_words(self, row) -> SafeString:
        return state_badge(row)

    @display(description="whose")
    def owner_words(self, row) -> str:
        return usage.name_of(row.person) or "the library"

    @display(description="by")
    def by(self, row) -> str:
        return usage.name_of(row.made_by) or "the operator"

    @display(description="begun", ordering="id")
    def begun(self, row) -> str:
        return moment(row.created_at)

    @button("Bring in again", needs="uploads.import_folder", icon="sync", offered=lambda row: row.state != "running")
    def go_on(self, request, row) -> str:
        folders.again(row)
        nudges.send(tasks.import_folders)
        return "A worker brings in what is new or changed, and tries again what was refused."

    @button("Stop", needs="uploads.import_folder", icon="stop_circle", sure="What has come in stays; the rest waits.",
            offered=lambda row: row.state in ("due", "running"))  # fmt: skip
    def stop_folder(self, request, row) -> str:
        folders.stop(row)
        return "It is stopped."
