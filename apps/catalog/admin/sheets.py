"""The track list's way out to spreadsheet programs and back in. For `TrackAdmin.actions` and `actions_list`."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget

from apps.catalog import bulk, importing, sheets, tasks
from apps.catalog.api.sheets import download
from apps.lib.admin import page_of
from apps.lib.errors import Refusal


@admin.action(description="Export as CSV", permissions=["view"])
def export_csv(model_admin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    return _exported(model_admin, request, queryset, "csv")


@admin.action(description="Export as XLSX", permissions=["view"])
def export_xlsx(model_admin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    return _exported(model_admin, request, queryset, "xlsx")


def _exported(model_admin, request: HttpRequest, queryset: QuerySet, form: str) -> HttpResponse | None:
    """The chosen rows, or all that the list finds."""
    try:
        return download(queryset, user=request.user, form=form)
    except Refusal as refusal:
        model_admin.message_user(request, refusal.message, messages.ERROR)


class SheetForm(forms.Form):
    file = forms.FileField(
        label="Table", widget=UnfoldAdminFileFieldWidget({"accept": ".csv,.tsv,.txt,.xlsx"}), allow_empty_file=True
    )


@action(description="Import a table", url_path="import", permissions=["catalog.curate"], icon="upload_file")
def import_sheet(model_admin, request: HttpRequest) -> HttpResponse:
    """Takes the file, asks for its changeset and goes to that page."""
    form = SheetForm(request.POST, request.FILES) if request.method == "POST" else SheetForm()
    if form.is_bound and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            changeset = importing.begin(content=file, file_name=file.name or "", by=request.user)
        except Refusal as refusal:
            form.add_error("file", refusal.message)
        else:
            tasks.nudge_changesets()
            return HttpResponseRedirect(page_of(changeset))
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Import a table",
        "form": form,
        "back": model_admin.list_page,
        "changeable": list(bulk.FIELDS),
        "told": list(sheets.TOLD),
        "most": f"{importing.MOST_ROWS:,}",
    }
    return TemplateResponse(request, "admin/catalog/sheet.html", context)
