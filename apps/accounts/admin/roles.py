"""Who holds which role, and how that came (S4-12)."""

from django.contrib import admin
from django.db.models import Q
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.accounts.access import may
from apps.accounts.admin.rows import OfPerson
from apps.accounts.models import RoleChange, RoleGrant
from apps.accounts.roles import ROLES, Role
from apps.lib.admin import ReadOnlyTable, TableInline, badge, choice_filter, link_to, moment

HELD = {role.value: (role.value.replace("_", " "), Q(role=role)) for role in ROLES if role != Role.USER}
CHANGES = {change.value: (change.value, Q(change=change)) for change in RoleChange.Change}
TONES = {"admin": "danger", "moderator": "warning", "artist": "info", "gallery_owner": "success"}


def role_badge(role: str) -> SafeString:
    return badge(role.replace("_", " "), TONES.get(role, ""))


class GrantsTable(TableInline):
    """Rows come and go through `actions`, and nobody sees a switch for their own."""

    model = RoleGrant
    fk_name = "user"
    verbose_name = "role"
    verbose_name_plural = "roles"
    hide_title = True
    fields = ["role", "granted_by", "created_at"]
    readonly_fields = ["granted_by", "created_at"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("granted_by").order_by("role")

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        """Everyone is a user, and the gallery is handed over by its own button."""
        if db_field.name == "role":
            offered = [c for c in db_field.choices if c[0] not in (Role.USER, Role.GALLERY_OWNER)]
            kwargs["choices"] = [("", "Choose a role"), *offered]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_add_permission(self, request, obj=None) -> bool:
        return may(request.user, "accounts.grant") and obj != request.user

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return self.has_add_permission(request, obj)


class _Facts:
    """Columns of a change, in the list and below a person."""

    @display(description="when")
    def when(self, change) -> str:
        return moment(change.created_at)

    @display(description="role")
    def which(self, change) -> SafeString:
        return role_badge(change.role)

    @display(description="by")
    def who(self, change) -> SafeString | str:
        return link_to(change.by) or "the system"


class RoleChangesTable(_Facts, ReadOnlyTable):
    model = RoleChange
    fk_name = "user"
    verbose_name_plural = "role history"
    fields = ["when", "which", "change", "who"]
    per_page = 10
    tab = True

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("by").order_by("-id")


@admin.register(RoleChange)
class RoleChangeAdmin(_Facts, OfPerson):
    list_display = ["when", "person", "which", "change", "who"]
    list_filter = [choice_filter("role", "role", HELD, at_hand=True), choice_filter("change", "change", CHANGES)]
    fields = ["person", "which", "change", "who", "when"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("by")
