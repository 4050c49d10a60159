"""Staff's desk for people: who they are, what they may, their subscription and keys."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.forms import ModelForm
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.accounts import actions
from apps.accounts.access import may
from apps.accounts.models import ApiKey, Profile, RoleGrant, Subscription, User
from apps.accounts.roles import Role
from apps.lib.admin import (
    AccessAdmin,
    FormInline,
    ReadOnlyAdmin,
    ReadOnlyTable,
    TableInline,
    badge,
    button,
    choice_filter,
    countdown,
    link_to,
)

ROLE_TONES = {"admin": "danger", "moderator": "warning", "artist": "info", "gallery_owner": "success"}
TIER_TONES = {"pro": "success", "enterprise": "info"}


def _holds(role: Role):
    return lambda now: Exists(RoleGrant.objects.filter(user=OuterRef("pk"), role=role))


def _pays(plan: str):
    return lambda now: Exists(Subscription.objects.holding(now).filter(user=OuterRef("pk"), plan=plan))


ROLES = {role.value: (role.value.replace("_", " "), _holds(role)) for role in Role if role != Role.USER}
TIERS = {plan: (plan, _pays(plan)) for plan in ("pro", "enterprise")}


class NewUserForm(UserCreationForm):
    class Meta:
        model = User
        fields = ["email"]


class UserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class ProfileWords(ModelForm):
    class Meta:
        widgets = {"bio": UnfoldAdminTextareaWidget({"rows": 3})}


class ProfileForm(FormInline):
    model = Profile
    form = ProfileWords
    can_delete = False
    fields = [("username", "display_name"), ("first_name", "last_name"), "bio", ("country", "language", "timezone")]


class GrantsTable(TableInline):
    """Rows come and go through `actions`, and nobody sees a switch for their own."""

    model = RoleGrant
    fk_name = "user"
    verbose_name_plural = "roles"
    fields = ["role", "granted_by", "created_at"]
    readonly_fields = ["granted_by", "created_at"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("granted_by").order_by("role")

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        if db_field.name == "role":
            kwargs["choices"] = [("", "Choose a role"), *(c for c in db_field.choices if c[0] != Role.USER)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_add_permission(self, request, obj=None) -> bool:
        return may(request.user, "accounts.grant") and obj != request.user

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return self.has_add_permission(request, obj)


class SubscriptionForm(FormInline):
    model = Subscription
    can_delete = False
    fields = [("plan", "status"), "period_start", "period_end", "cancel_at_period_end"]

    def get_queryset(self, request):
        return super().get_queryset(request).order_by("-period_start")


class KeysTable(ReadOnlyTable):
    model = ApiKey
    verbose_name_plural = "API keys"
    fields = ["key", "allows", "used", "expires_at", "state"]

    def get_queryset(self, request):
        return super().get_queryset(request).order_by("-id")

    @display(description="key")
    def key(self, key) -> SafeString:
        return link_to(key)

    @display(description="scopes")
    def allows(self, key) -> str:
        return ", ".join(key.scopes)

    @display(description="last used")
    def used(self, key) -> str:
        return countdown(key.last_used_at) or "never"

    @display(description="state")
    def state(self, key) -> SafeString:
        return key_badge(key)


def key_badge(key: ApiKey) -> SafeString:
    if key.revoked_at:
        return badge("revoked", "danger")
    if key.expires_at and key.expires_at <= timezone.now():
        return badge("expired")
    return badge("usable", "success")


admin.site.unregister(Group)  # roles are code: a group would promise what nothing reads


@admin.register(User)
class PersonAdmin(UserAdmin, AccessAdmin):
    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "username", "roles", "tier", "is_active", "last_seen", "joined"]
    list_filter = [
        choice_filter("role", "role", ROLES, at_hand=True),
        choice_filter("tier", "tier", TIERS),
        "is_active",
        "created_at",
    ]
    search_fields = ["email", "profile__username", "profile__display_name"]
    search_help_text = "E-mail, username, shown name or user id"
    ordering = ["-id"]
    sortable_by = ["email", "joined"]
    filter_horizontal = ()
    inlines = [ProfileForm, GrantsTable, SubscriptionForm, KeysTable]
    readonly_fields = ["email_verified_at", "last_login", "created_at", "id"]
    fieldsets = [
        (None, {"fields": ["email", "password", "is_active"]}),
        ("Record", {"fields": [("email_verified_at", "last_login", "created_at"), "id"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "password1", "password2"]})]

    def get_queryset(self, request):
        paid = Prefetch("subscriptions", Subscription.objects.holding(timezone.now()), to_attr="holding")
        return super().get_queryset(request).select_related("profile").prefetch_related("grants", paid)

    def get_readonly_fields(self, request, obj=None):
        """Nobody locks themself out."""
        return [*self.readonly_fields, "is_active"] if obj == request.user else self.readonly_fields

    def save_form(self, request, form, change):
        """A new person comes by `register`, with a profile, whoever opens the door."""
        made = super().save_form(request, form, change)
        if change:
            return made
        return actions.register(email=form.cleaned_data["email"], password=form.cleaned_data.get("password1") or None)

    def save_model(self, request, obj, form, change) -> None:
        if not change:
            return
        if "email" in form.changed_data:
            obj.email_verified_at = None
        super().save_model(request, obj, form, change)

    def save_formset(self, request, form, formset, change) -> None:
        if formset.model is not RoleGrant:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        for row in formset.deleted_objects:
            actions.withdraw(user=form.instance, role=Role(row.role), by=request.user)
        for row in formset.new_objects:
            actions.grant(user=form.instance, role=Role(row.role), by=request.user)

    @display(description="username", ordering="profile__username")
    def username(self, person) -> str:
        return person.profile.username if hasattr(person, "profile") else ""

    @display(description="roles")
    def roles(self, person) -> SafeString:
        held = sorted(grant.role for grant in person.grants.all())
        return format_html_join(
            " ", "{}", ((badge(role.replace("_", " "), ROLE_TONES.get(role, "")),) for role in held)
        )

    @display(description="tier")
    def tier(self, person) -> SafeString:
        plan = person.holding[0].plan if person.holding else "free"
        return badge(plan, TIER_TONES.get(plan, ""))

    @display(description="last login", ordering="last_login")
    def last_seen(self, person) -> str:
        return countdown(person.last_login) or "never"

    @display(description="joined", ordering="id")
    def joined(self, person) -> str:
        return f"{person.created_at:%Y-%m-%d}"


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["key", "person", "allows", "used", "expires_at", "state"]
    search_fields = ["user__email", "name", "prefix__startswith"]
    search_help_text = "Person's e-mail, key's name or its first characters"
    ordering = ["-id"]
    sortable_by = ()
    actions_row = actions_detail = ["revoke"]
    fields = ["name", "prefix", "user", "allows", "state", "last_used_at", "expires_at", "revoked_at", "created_at"]
    list_filter = [
        choice_filter("state", "state", {"kept": ("not revoked", Q(revoked_at__isnull=True)),
                                         "revoked": ("revoked", Q(revoked_at__isnull=False))}),
    ]  # fmt: skip

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user")

    @display(description="key")
    def key(self, key) -> str:
        return str(key)

    @display(description="person")
    def person(self, key) -> str:
        return key.user.email

    @display(description="scopes")
    def allows(self, key) -> str:
        return ", ".join(key.scopes)

    @display(description="last used")
    def used(self, key) -> str:
        return countdown(key.last_used_at) or "never"

    @display(description="state")
    def state(self, key) -> SafeString:
        return key_badge(key)

    @button("Revoke", needs="accounts.change_apikey", icon="key_off", offered=lambda key: key.revoked_at is None,
            sure="Programs that use it are locked out at once. A revoked key never works again.")  # fmt: skip
    def revoke(self, request, key) -> str:
        actions.revoke_key(key=key)
        return "The key was revoked."
