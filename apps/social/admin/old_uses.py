"""Who still uses the API in the old way. Goes with `compat` in v2.0."""

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.lib.admin import ReadOnlyAdmin, choice_filter, link_to
from apps.social.compat import INSTEAD
from apps.social.models import DeprecatedUse

WAYS = {what: (what.replace("_", " "), Q(what=what)) for what in INSTEAD}


@admin.register(DeprecatedUse)
class DeprecatedUseAdmin(ReadOnlyAdmin):
    list_display = ["on", "way", "person", "program", "network", "count", "instead"]
    list_filter = [choice_filter("what", "what", WAYS, at_hand=True), "day"]
    search_fields = ["user__email", "key__name", "key__prefix", "network"]
    search_help_text = "Person's e-mail, key's name or prefix, or a visitor's network"
    ordering = ["-day", "-id"]
    sortable_by = ["on", "count"]
    fieldsets = [(None, {"fields": ["on", "way", "instead", "person", "program", "network", "count"]})]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user", "key")

    def has_view_permission(self, request, obj=None) -> bool:
        """Networks of visitors are for who runs the place."""
        return request.user.has_perm("accounts.see_all")

    @display(description="day", ordering="day")
    def on(self, use) -> SafeString:
        return format_html('<span class="whitespace-nowrap">{}</span>', use.day.isoformat())

    @display(description="what")
    def way(self, use) -> str:
        return use.what.replace("_", " ")

    @display(description="person")
    def person(self, use):
        return link_to(use.user)

    @display(description="key")
    def program(self, use):
        return link_to(use.key)

    @display(description="what to do instead")
    def instead(self, use) -> str:
        return INSTEAD.get(use.what, "").replace("`", "")
