"""Staff's desk for people: who they are, whether they can come in, what they may, and what helps them."""

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.internal.flows.email_verification import send_verification_email_for_user
from allauth.account.internal.flows.password_reset import request_password_reset
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.forms import ModelForm
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminTextareaWidget

from apps.accounts import actions, avatars, lockout, profiles, rescue, sessions, subscriptions, tiers, usernames
from apps.accounts.admin.keys import KeysTable
from apps.accounts.admin.notices import NoticesTable
from apps.accounts.admin.roles import GrantsTable, RoleChangesTable, role_badge
from apps.accounts.admin.sessions import SessionsTable
from apps.accounts.admin.standing import standing
from apps.accounts.admin.subscriptions import OverridesTable, SubscriptionsTable, tier_badge
from apps.accounts.models import Lockout, Profile, RoleGrant, Subscription, TierOverride, User
from apps.accounts.roles import Role
from apps.lib.admin import AccessAdmin, FormInline, badge, button, choice_filter, countdown
from apps.lib.errors import Conflict


def _holds(role: Role):
    return lambda now: Exists(RoleGrant.objects.filter(user=OuterRef("pk"), role=role))


def _tier(plan: str):
    return lambda now: Exact(tiers.tier(now), plan)


def _locked(now):
    return Exists(Lockout.objects.filter(email=Lower(OuterRef("email")), locked_until__gt=now))


VERIFIED = Exists(EmailAddress.objects.filter(user=OuterRef("pk"), email=Lower(OuterRef("email")), verified=True))
SECOND_FACTOR = Exists(Authenticator.objects.filter(user=OuterRef("pk"), type="totp"))
ROLES = {role.value: (role.value.replace("_", " "), _holds(role)) for role in Role if role != Role.USER}
TIERS = {plan.value: (plan.value, _tier(plan.value)) for plan in Subscription.Plan}
TROUBLES = {
    "locked": ("locked out", _locked),
    "unverified": ("not verified", lambda now: ~VERIFIED),
    "off": ("switched off", Q(is_active=False)),
}
FACTORS = {"on": ("on", lambda now: SECOND_FACTOR), "off": ("off", lambda now: ~SECOND_FACTOR)}


class NewUserForm(UserCreationForm):
    class Meta:
        model = User
        fields = ["email"]


class UserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class NewPasswordForm(AdminPasswordChangeForm):
    """Staff's hand on somebody's password: by the one door, which ends the person's sessions and tells them."""

    def __init__(self, user, *args, **kwargs):
        super().__init__(user, *args, **kwargs)
        self.fields.pop("usable_password", None)  # without a password no way in would be left

    def save(self, commit: bool = True) -> User:
        actions.set_password(user=self.user, password=self.cleaned_data["password1"])
        tell(self.user, "The password was changed, and every browser signed out.")
        return self.user


class ProfileWords(ModelForm):
    class Meta:
        widgets = {"bio": UnfoldAdminTextareaWidget({"rows": 3})}


class ProfileForm(FormInline):
    model = Profile
    form = ProfileWords
    can_delete = False
    fields = [
        ("username", "display_name"), ("first_name", "last_name"), "bio", ("country", "language", "timezone"), "digest",
    ]  # fmt: skip

    def get_readonly_fields(self, request, obj=None):
        """Who has not proven their address has no name to change yet."""
        nameless = obj and hasattr(obj, "profile") and usernames.NAMELESS.fullmatch(obj.profile.username)
        return ["username"] if nameless else []


def tell(person: User, what: str, email: str = "") -> None:
    """What staff did is told to the person, at the address that was theirs when it was done."""
    facts = {"what": what, "timestamp": timezone.now()}
    get_adapter().send_mail("account/email/by_staff", email or person.email, facts)


def _save_profile(formset, person: User, by: User) -> None:
    new = [(row, formset.form.base_fields) for row in formset.new_objects]
    for row, names in [*formset.changed_objects, *new]:
        profiles.edit(user=person, **{name: getattr(row, name) for name in names})


def _save_roles(formset, person: User, by: User) -> None:
    for row in formset.deleted_objects:
        actions.withdraw(user=person, role=Role(row.role), by=by)
    for row in formset.new_objects:
        actions.grant(user=person, role=Role(row.role), by=by)


def _save_subscriptions(formset, person: User, by: User) -> None:
    for row in formset.new_objects:
        period = {"period_start": row.period_start, "period_end": row.period_end}
        subscriptions.subscribe(user=person, plan=row.plan, by=by, **period)


def _save_overrides(formset, person: User, by: User) -> None:
    for row in formset.new_objects:
        subscriptions.override(user=person, plan=row.plan, reason=row.reason, until=row.until, by=by)


SAVED = {
    Profile: _save_profile,
    RoleGrant: _save_roles,
    Subscription: _save_subscriptions,
    TierOverride: _save_overrides,
}

admin.site.unregister(Group)  # roles are code: a group would promise what nothing reads
# Shown and changed with their person, through actions.
admin.site.unregister([EmailAddress, Authenticator])


@admin.register(User)
class PersonAdmin(UserAdmin, AccessAdmin):
    form = UserForm
    add_form = NewUserForm
    change_password_form = NewPasswordForm
    list_display = ["email", "username", "roles", "tier", "standing", "last_seen", "joined"]
    list_filter = [
        choice_filter("role", "role", ROLES, at_hand=True),
        choice_filter("sign-in", "trouble", TROUBLES, at_hand=True),
        choice_filter("tier", "tier", TIERS),
        choice_filter("second factor", "factor", FACTORS),
        "created_at",
    ]
    search_fields = ["email", "profile__username", "profile__display_name"]
    search_help_text = "E-mail, username, shown name or user id"
    ordering = ["-id"]
    sortable_by = ["email", "joined"]
    filter_horizontal = ()
    panels = (standing,)
    inlines = [ProfileForm, GrantsTable, RoleChangesTable, SubscriptionsTable, OverridesTable, SessionsTable, KeysTable,
               NoticesTable]  # fmt: skip
    actions_detail = [
        {
            "title": "Account",
            "icon": "manage_accounts",
            "items": ["lift", "vouch", "send_verification", "send_reset", "sign_out", "drop_second_factor",
                      "drop_avatar", "hand_over_gallery"],
        }
    ]  # fmt: skip
    readonly_fields = ["email_verified_at", "last_login", "created_at", "id"]
    fieldsets = [
        (None, {"fields": ["email", "password", "is_active"]}),
        ("Record", {"fields": [("email_verified_at", "last_login", "created_at"), "id"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "password1", "password2"]})]

    def get_queryset(self, request):
        now, rows = timezone.now(), super().get_queryset(request)
        return (
            rows.select_related("profile")
            .prefetch_related("grants")
            .annotate(tier_now=tiers.tier(now), is_locked=_locked(now), is_verified=VERIFIED, factor=SECOND_FACTOR)
        )

    def get_readonly_fields(self, request, obj=None):
        """Nobody locks themself out."""
        return [*self.readonly_fields, "is_active"] if obj == request.user else self.readonly_fields

    def view_on_site(self, person) -> str | None:
        seen = person.is_active and hasattr(person, "profile")
        return reverse("person", args=[person.profile.username]) if seen else None

    # --- Saving: every change by the domain's own word ---------------------------------------------------------------
    def save_form(self, request, form, change):
        """A new person comes by `register`, with a profile, whoever opens the door."""
        made = super().save_form(request, form, change)
        if change:
            return made
        password = form.cleaned_data.get("password1") or None
        return actions.register(email=form.cleaned_data["email"], password=password, vouched=True)

    def save_model(self, request, obj, form, change) -> None:
        """Only what was changed is written: the row may have a new password since the page was opened."""
        if change and "email" in form.changed_data:
            old = form.initial["email"]
            actions.change_email(user=obj, email=obj.email)
            tell(obj, f"The account belongs to {obj.email} now. This address, {old}, no longer opens it.", email=old)
        if change and "is_active" in form.changed_data:
            rescue.switch(user=obj, active=obj.is_active)

    def save_formset(self, request, form, formset, change) -> None:
        """Nothing below a person is saved as it stands; what has no word in SAVED cannot be written here at all."""
        formset.save(commit=False)
        save = SAVED.get(formset.model)
        if save:
            save(formset, form.instance, request.user)

    def user_change_password(self, request, id, form_url=""):
        """One's own password has its own page, where the old one is asked for."""
        if id == str(request.user.pk):
            return redirect("account_change_password")
        return super().user_change_password(request, id, form_url)

    # --- The list ----------------------------------------------------------------------------------------------------
    @display(description="username", ordering="profile__username")
    def username(self, person) -> str:
        return person.profile.username if hasattr(person, "profile") else ""

    @display(description="roles")
    def roles(self, person) -> SafeString:
        held = sorted(grant.role for grant in person.grants.all() if grant.role != Role.USER)
        return format_html_join(" ", "{}", ((role_badge(role),) for role in held))

    @display(description="tier")
    def tier(self, person) -> SafeString:
        return tier_badge(person.tier_now)

    @display(description="sign-in")
    def standing(self, person) -> SafeString:
        """What is in the way; nothing of it: a second factor, if there is one."""
        found = [
            badge("switched off", "danger") if not person.is_active else "",
            badge("locked out", "danger") if person.is_locked else "",
            badge("not verified", "warning") if not person.is_verified else "",
            badge("second factor", "success") if person.factor else "",
        ]
        return format_html_join(" ", "{}", ((one,) for one in found if one))

    @display(description="last login", ordering="last_login")
    def last_seen(self, person) -> str:
        return countdown(person.last_login) or "never"

    @display(description="joined", ordering="id")
    def joined(self, person) -> str:
        return f"{person.created_at:%Y-%m-%d}"

    # --- Buttons -----------------------------------------------------------------------------------------------------
    @button("Lift the lock-out", needs="accounts.change_lockout", icon="lock_open_right",
            offered=lambda person: lockout.of(person.email).exists())  # fmt: skip
    def lift(self, request, person) -> str:
        lockout.lift(email=person.email)
        return "They may try again, from everywhere."

    @button("Mark as verified", needs="accounts.change_user", icon="verified",
            offered=lambda person: not person.is_verified)  # fmt: skip
    def vouch(self, request, person) -> str:
        rescue.vouch(user=person)
        return f"{person.email} counts as verified."

    @button("Send verification letter", needs="accounts.change_user", icon="mark_email_unread",
            offered=lambda person: not person.is_verified)  # fmt: skip
    def send_verification(self, request, person) -> str:
        if person.is_verified:
            raise Conflict("The address is verified.")
        send_verification_email_for_user(request, person)
        return "A letter with a link is on its way; the link works for a day, once."

    @button("Send reset link", needs="accounts.change_user", icon="lock_reset", offered=lambda person: person.is_active)
    def send_reset(self, request, person) -> str:
        """The link goes to the person alone: staff never see it."""
        if not person.is_active:
            raise Conflict("The account is switched off: a new password would not open it.")
        request_password_reset(request, person.email, [person], default_token_generator)
        return "A letter with a link is on its way; the link works for an hour, once."

    @button("Sign out everywhere", needs="accounts.change_session", icon="logout",
            sure="Every browser of this person is signed out at once. API keys go on working.",
            offered=lambda person: person.sessions.exists())  # fmt: skip
    def sign_out(self, request, person) -> str:
        ended = sessions.end_others(user=person, keep=None)
        return f"Signed out of {ended} {'browser' if ended == 1 else 'browsers'}."

    @button("Take the second factor away", needs="accounts.change_user", icon="phonelink_erase",
            sure="For somebody who lost phone and recovery codes. Be sure that it is them who ask: the password alone "
            "opens the account then. Every browser of theirs is signed out, and a letter tells them.",
            offered=lambda person: person.factor)  # fmt: skip
    def drop_second_factor(self, request, person) -> str:
        rescue.drop_second_factor(user=person, by=request.user)
        tell(person, "The second factor was taken away, and every browser signed out. The password alone opens the "
             "account. Set the second factor up anew in your account.")  # fmt: skip
        return "The second factor is off, and every browser of theirs signed out."

    @button("Remove the picture", needs="accounts.change_profile", icon="no_photography",
            sure="The picture is deleted. The person may upload another one.",
            offered=lambda person: avatars.address(person))  # fmt: skip
    def drop_avatar(self, request, person) -> str:
        avatars.drop(user=person)
        return "The picture is gone."

    @button("Hand the gallery over to this person", needs="accounts.grant", icon="museum",
            sure="Whoever is the gallery owner now is it no longer: there is exactly one.",
            offered=lambda person: Role.GALLERY_OWNER not in person.roles)  # fmt: skip
    def hand_over_gallery(self, request, person) -> str:
        actions.hand_over_gallery(to=person, by=request.user)
        return f"{person} is the gallery owner now."
