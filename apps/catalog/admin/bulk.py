"""The action on the track list that changes any number of tracks at once: a form, then the changeset's page."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.catalog import bulk, changesets, tasks
from apps.catalog.keys import MODES, PITCHES
from apps.lib.admin import page_of
from apps.lib.errors import Refusal

LEAVE = ("", "leave as it is")
CHOICES = {
    "key": [LEAVE, *((pitch, pitch) for pitch in PITCHES)],
    "scale": [LEAVE, *((mode, mode) for mode in MODES)],
    **{name: [LEAVE, ("on", "yes"), ("off", "no")] for name in bulk.SWITCHES},
}
HINTS = {"tempo": "BPM", "mood": "Commas between words.", "tags": "Commas between words.", "release_date": "YYYY-MM-DD"}


def _box(name: str) -> forms.Field:
    label, hint = bulk.label(name), HINTS.get(name, "")
    if name in CHOICES:
        return forms.ChoiceField(
            choices=CHOICES[name], label=label, help_text=hint, required=False, widget=UnfoldAdminSelectWidget
        )
    widget = UnfoldAdminTextareaWidget({"rows": 2}) if name == "description" else UnfoldAdminTextInputWidget()
    return forms.CharField(label=label, help_text=hint, required=False, widget=widget)


def _tick(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget)


class BulkForm(forms.Form):
    """What is filled in changes, what is empty stays. First replaced, then set and cleared, then words go and come."""

    find = forms.CharField(label="Find", required=False, strip=False, widget=UnfoldAdminTextInputWidget)
    put = forms.CharField(label="Replace with", required=False, strip=False, widget=UnfoldAdminTextInputWidget)
    field = forms.ChoiceField(
        choices=[(name, bulk.label(name)) for name in bulk.TEXTS], label="In", required=False,
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    case = _tick("Capitals matter")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in bulk.FIELDS:
            self.fields[f"set_{name}"] = _box(name)
        for name in bulk.VERBS["clear"]:
            self.fields[f"clear_{name}"] = _tick(f"Clear {bulk.label(name)}")
        for name in bulk.LISTS:
            for verb in ("add", "remove"):
                self.fields[f"{verb}_{name}"] = forms.CharField(
                    label=f"{verb.capitalize()} {bulk.label(name)}", required=False,
                    widget=UnfoldAdminTextInputWidget, help_text=HINTS[name],
                )  # fmt: skip

    def operations(self) -> list[dict]:
        return list(self._operations(self.cleaned_data))

    def _operations(self, said: dict[str, Any]) -> Iterator[dict]:
        if said["find"]:
            find = {"find": said["find"], "with": said["put"], "case": said["case"]}
            yield {"do": "replace", "field": said["field"] or bulk.TEXTS[0], **find}
        for name in bulk.FIELDS:
            if said.get(f"clear_{name}"):
                yield {"do": "clear", "field": name}
            elif said[f"set_{name}"]:
                yield {"do": "set", "field": name, "value": said[f"set_{name}"]}
        for verb in ("remove", "add"):
            for name in bulk.LISTS:
                if said[f"{verb}_{name}"]:
                    yield {"do": verb, "field": name, "value": said[f"{verb}_{name}"]}

    def blame(self, refusal: Refusal) -> None:
        """Say at each field what was wrong with it."""
        for name, said in refusal.fields.items():
            self.add_error(f"set_{name}" if f"set_{name}" in self.fields else None, said)
        if not refusal.fields:
            self.add_error(None, refusal.message)

    def groups(self) -> list[tuple[str, list]]:
        """Heading → (box, tick that clears it or None), as the page shows them."""
        pairs = [(self[f"set_{n}"], self[f"clear_{n}"] if f"clear_{n}" in self.fields else None) for n in bulk.FIELDS]
        words = [(self[f"{verb}_{name}"], None) for name in bulk.LISTS for verb in ("add", "remove")]
        replace = [(self["field"], None), (self["find"], None), (self["put"], self["case"])]
        return [("Set or clear", pairs), ("Add and remove words", words), ("Find and replace", replace)]


@admin.action(description="Edit in bulk…", permissions=["curate"])
def bulk_action(model_admin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Asks what is to change, then asks for the changeset; the tracks are those found at that moment.

    For `TrackAdmin.actions`, which needs `has_curate_permission` and `list_disable_select_all = False`. The form comes
    back to the list's own address, so that the present filters and search are in it.
    """
    ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: changesets.MOST_TRACKS + 1])
    if len(ids) > changesets.MOST_TRACKS:
        model_admin.message_user(
            request, f"More than {changesets.MOST_TRACKS:,} tracks are too many at once: narrow the list by a filter.",
            messages.ERROR,
        )  # fmt: skip
        return None
    form = BulkForm(request.POST if "preview" in request.POST else None)
    if form.is_bound and form.is_valid():
        try:
            changeset = bulk.ask(tracks=ids, operations=form.operations(), by=request.user)
        except Refusal as refusal:
            form.blame(refusal)
        else:
            tasks.nudge_changesets()
            return HttpResponseRedirect(page_of(changeset))
    return _form_page(model_admin, request, form, len(ids))


def _form_page(model_admin, request: HttpRequest, form: BulkForm, count: int) -> TemplateResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Edit in bulk",
        "form": form,
        "count": count,
        "back": request.get_full_path(),
        "checkbox": ACTION_CHECKBOX_NAME,
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "action": request.POST.get("action", ""),
        "across": request.POST.get("select_across", "0"),
    }
    return TemplateResponse(request, "admin/catalog/bulk.html", context)
