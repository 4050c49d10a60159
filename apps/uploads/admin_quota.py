"""Quota for staff: who used what of a day, who may have more and why; below each person, where they stand."""

import datetime as dt

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib import sizes
from apps.lib.admin import AccessAdmin, ReadOnlyAdmin, badge, button, choice_filter
from apps.uploads import grants, quota, usage
from apps.uploads.models import QuotaDay, QuotaGrant


def _today(now: dt.datetime) -> dt.date:
    return now.astimezone(dt.UTC).date()


DAYS = {
    "today": ("today", lambda now: Q(day=_today(now))),
    "week": ("the last 7 days", lambda now: Q(day__gt=_today(now) - dt.timedelta(days=7))),
}
HOLDING = {
    "now": ("holding or to come", lambda now: Q(ends_on__gte=_today(now))),
    "over": ("over", lambda now: Q(ends_on__lt=_today(now))),
}


class _OfPerson:
    search_fields = ["user__email", "user__profile__username"]
    search_help_text = "Person's e-mail or username"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user__profile")

    @display(description="person")
    def person(self, row) -> str:
        return usage.name_of(row.user)


@admin.register(QuotaDay)
class QuotaDayAdmin(_OfPerson, ReadOnlyAdmin):
    list_display = ["day", "person", "used", "limit", "left"]
    list_filter = [choice_filter("day", "when", DAYS, at_hand=True)]
    ordering = ["-day", "-id"]
    sortable_by = ["used"]
    fieldsets = [(None, {"fields": ["person", "day", "used", "limit", "left"]})]

    @display(description="used", ordering="used_bytes")
    def used(self, row) -> str:
        return sizes.words(row.used_bytes)

    @display(description="limit")
    def limit(self, row) -> str:
        return sizes.words(row.limit_bytes)

    @display(description="left")
    def left(self, row) -> str:
        return sizes.words(row.limit_bytes - row.used_bytes)


class GrantForm(forms.ModelForm):
    class Meta:
        labels = {"extra_bytes": "Bytes more a day", "starts_on": "First day (UTC)", "ends_on": "Last day (UTC)"}
        help_texts = {
            "extra_bytes": "100000000 is 100 MB.",
            "starts_on": "",
            "ends_on": "The last day that it holds.",
            "reason": "For whoever reads it later.",
        }

    def clean(self):
        """Said beside the fields, so that the rest of what was typed stays."""
        found = super().clean()
        first, last, more = (found.get(name) for name in ("starts_on", "ends_on", "extra_bytes"))
        if more is not None and not 0 < more <= grants.MOST_BYTES:
            self.add_error("extra_bytes", f"This must be one byte or more, {grants.MOST_BYTES:,} at most.")
        if first and last and last < max(first, _today(timezone.now())):
            self.add_error("ends_on", "This day is over, or before the first one.")
        return found


@admin.register(QuotaGrant)
class QuotaGrantAdmin(_OfPerson, AccessAdmin):
    form = GrantForm
    list_display = ["person", "more", "starts_on", "ends_on", "standing", "reason", "by"]
    list_filter = [choice_filter("standing", "holding", HOLDING, at_hand=True)]
    ordering = ["-id"]
    sortable_by = ["ends_on"]
    autocomplete_fields = ["user"]
    actions_detail = ["withdraw_grant"]
    readonly_fields = ["by"]
    list_select_related = ["user__profile", "granted_by__profile"]
    fieldsets = [(None, {"fields": ["user", "extra_bytes", ("starts_on", "ends_on"), "reason", "by"]})]
    add_fieldsets = [(None, {"fields": ["user", "extra_bytes", ("starts_on", "ends_on"), "reason"]})]

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if obj else self.add_fieldsets

    def get_changeform_initial_data(self, request) -> dict:
        today = _today(timezone.now())
        return {"starts_on": today, "ends_on": today, **super().get_changeform_initial_data(request)}

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("granted_by__profile")

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def save_model(self, request, obj, form, change) -> None:
        made = grants.grant(**form.cleaned_data, by=request.user)
        obj.pk, obj.granted_by = made.pk, made.granted_by

    def called(self, given) -> str:
        return f"{sizes.words(given.extra_bytes)} more for {usage.name_of(given.user)}"

    @display(description="more a day", ordering="extra_bytes")
    def more(self, given) -> str:
        return sizes.words(given.extra_bytes)

    @display(description="standing")
    def standing(self, given) -> SafeString:
        today = _today(timezone.now())
        if given.ends_on < today:
            return badge("over")
        return badge("holds", "success") if given.starts_on <= today else badge("to come", "info")

    @display(description="granted by")
    def by(self, given) -> str:
        return usage.name_of(given.granted_by)

    @button("Withdraw", needs="uploads.add_quotagrant", icon="undo", sure="From now on only the tier's bytes count.",
            offered=lambda given: given.ends_on >= _today(timezone.now()))  # fmt: skip
    def withdraw_grant(self, request, given) -> str:
        grants.withdraw(given=given, by=request.user)
        return "The grant is withdrawn. What came in stays."


def standing(request, person) -> str:
    """What the person used of today's quota, and what is kept of them."""
    if not request.user.has_perm("uploads.view_quotaday"):
        return ""
    may_give = request.user.has_perm("uploads.add_quotagrant") and request.user != person
    facts = {"standing": quota.standing(person), "kept": usage.of_person(person), "person": person, "may": may_give}
    return render_to_string("admin/uploads/quota.html", facts)
