"""Tables of a track's sections, credits, instruments and samples, saved as whole lists through `apps.catalog.parts`."""

import re

from django import forms
from django.db import models
from django.forms.models import BaseInlineFormSet
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.catalog import identifiers, parts
from apps.catalog.models import Credit, Instrument, Sample, Section, Track
from apps.lib.admin import TableInline, badge

CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d(?:[.,]\d{1,3})?)|(\d{1,6}(?:[.,]\d{1,3})?))")
GONE = "This row is not there any more: somebody deleted it meanwhile. Reload the page."


def as_clock(milliseconds: int) -> str:
    """`1:02.500`, `1:00:00.000`."""
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest / 1000:06.3f}" if hours else f"{minutes}:{rest / 1000:06.3f}"


def read_clock(text: str) -> int:
    """Milliseconds of `62.5`, `1:02.5` or `1:00:02`. ValueError for anything else."""
    found = CLOCK.fullmatch(text.strip())
    if not found:
        raise ValueError(f"no time: {text}")
    hours, minutes, rest, seconds = found.groups()
    whole, _, fraction = (rest or seconds).replace(",", ".").partition(".")
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(whole)
    return total * 1000 + int(fraction.ljust(3, "0"))


class ClockField(forms.Field):
    """A time in the track, kept in milliseconds."""

    def __init__(self, **options):
        widget = UnfoldAdminTextInputWidget({"inputmode": "decimal", "placeholder": "0:00.000", "data-clock": ""})
        super().__init__(widget=widget, **options)

    def prepare_value(self, value):
        return as_clock(value) if isinstance(value, int) else value

    def to_python(self, value) -> int | None:
        try:
            return read_clock(value) if value else None
        except ValueError:
            raise forms.ValidationError("A time such as 1:02.500, or seconds such as 62.5.") from None

    def has_changed(self, initial, data) -> bool:
        try:
            return self.to_python(data) != initial
        except forms.ValidationError:
            return True


class PartForm(forms.ModelForm):
    """One row. What the rows have to be together is asked of all of them, as they will be."""

    def validate_unique(self) -> None:
        pass

    def validate_constraints(self) -> None:
        pass


class SectionForm(PartForm):
    start_ms = ClockField(label="start")
    end_ms = ClockField(label="end")

    def clean(self) -> dict:
        """Said before the database would say it in its own words."""
        start, end = self.cleaned_data.get("start_ms"), self.cleaned_data.get("end_ms")
        if start is not None and end is not None and end <= start:
            self.add_error("end_ms", "A section ends after its start.")
        return self.cleaned_data


class PartsFormSet(BaseInlineFormSet):
    """The list of one kind of part. Only rows of this track are in it, whatever keys a form names (CVE-2026-87975)."""

    new_objects, changed_objects, deleted_objects = (), (), ()

    @property
    def kind(self) -> str:
        return self.fk.remote_field.get_accessor_name()

    def validate_unique(self) -> None:
        pass

    def rows(self) -> list[forms.ModelForm]:
        """Those that say something and stay."""
        said = [form for form in self.forms if form.has_changed() or form in self.initial_forms]
        return [form for form in said if not (self.can_delete and self._should_delete_form(form))]

    def clean(self) -> None:
        rows = self.rows()
        for form in rows:
            if form in self.initial_forms and form.instance._state.adding:
                form.add_error(None, GONE)
        if all(form.is_valid() for form in rows):
            for problem in parts.KINDS[self.kind].problems([form.instance for form in rows], self.instance):
                rows[problem.at].add_error(problem.column, problem.message)

    def store(self, *, by) -> None:
        """Make the track's list what the table says; what was added elsewhere meanwhile stays."""
        if not self.has_changed():
            return
        self._note()
        shown = {form.instance.pk for form in self.initial_forms}
        kept = [_facts(part, self.kind, known=True) for part in self.get_queryset() if part.pk not in shown]
        said = [_facts(form.instance, self.kind, known=form in self.initial_forms) for form in self.rows()]
        parts.replace(track=self.instance, kind=self.kind, rows=[*said, *kept], by=by)

    def _note(self) -> None:
        """What the admin's own log says of it."""
        rows, before = self.rows(), self.initial_forms
        self.new_objects = [form.instance for form in rows if form not in before]
        self.changed_objects = [
            (form.instance, form.changed_data) for form in rows if form in before and form.has_changed()
        ]
        self.deleted_objects = [form.instance for form in self.deleted_forms]


def _facts(part: models.Model, kind: str, *, known: bool) -> dict:
    facts = {name: getattr(part, name) for name in parts.KINDS[kind].columns}
    return {"id": part.pk, **facts} if known else facts


class PartTable(TableInline):
    """Below a track; whoever curates may change it."""

    formset = PartsFormSet
    form = PartForm
    hide_title = True
    order: tuple[str, ...] = ("pk",)
    formfield_overrides = {models.TextField: {"widget": UnfoldAdminTextareaWidget({"rows": 1})}}

    def get_queryset(self, request):
        return super().get_queryset(request).order_by(*self.order)

    def has_view_permission(self, request, obj=None) -> bool:
        return request.user.has_perm("catalog.view_track")

    def has_add_permission(self, request, obj=None) -> bool:
        return self.has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None) -> bool:
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request, obj=None) -> bool:
        """As of the track: what is out of sight stays as it is."""
        return request.user.has_perm("catalog.curate") and (obj is None or editable(request, obj))


def editable(request, track: Track) -> bool:
    """Whether this person may change the track; asked once per page, which has many tables."""
    known = request.__dict__.setdefault("editable_tracks", {})
    if track.pk not in known:
        known[track.pk] = Track.objects.editable_by(request.user).filter(pk=track.pk).exists()
    return known[track.pk]


class SectionsTable(PartTable):
    model = Section
    form = SectionForm
    fields = ["name", "start_ms", "end_ms", "description"]
    order = ("start_ms",)


class CreditsTable(PartTable):
    model = Credit
    fields = ["name", "role", "ipi", "doubt", "pro", "split", "contact_email", "contact_phone"]
    readonly_fields = ["doubt"]
    order = ("role", "pk")
    template_after = "admin/catalog/shares.html"

    @display(description="check")
    def doubt(self, credit) -> SafeString | str:
        """A wrong check digit is told and never refused (S4-07)."""
        return badge("check digit", "warning") if identifiers.ipi_doubtful(credit.ipi) else ""


class InstrumentsTable(PartTable):
    model = Instrument
    fields = ["category", "type", "is_primary"]


class SamplesTable(PartTable):
    model = Sample
    fields = ["pack_name", "description", "is_cleared", "clearance_notes"]


TABLES = [SectionsTable, CreditsTable, InstrumentsTable, SamplesTable]
