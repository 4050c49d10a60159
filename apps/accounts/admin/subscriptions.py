"""Who pays for what, what staff gave beside it, and which of the two makes the tier (S4-13, C-10)."""

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms import ModelForm
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from apps.accounts import subscriptions, tiers
from apps.accounts.access import may
from apps.accounts.admin.rows import OfPerson
from apps.accounts.models import StripeEvent, Subscription, TierOverride, User
from apps.accounts.models.subscription import LIVE
from apps.lib.admin import (
    AccessAdmin,
    ReadOnlyAdmin,
    TableInline,
    badge,
    button,
    choice_filter,
    countdown,
    link_to,
    moment,
    press,
)

TIER_TONES = {"pro": "success", "enterprise": "info"}
STATUS_TONES = {"active": "success", "past_due": "warning"}
OUTCOME_TONES = {"applied": "success", "unmatched": "warning"}

PLANS = {plan.value: (plan.value, Q(plan=plan)) for plan in Subscription.Plan}
STATUS = {status: (status.replace("_", " "), Q(status=status)) for status in Subscription.machine.states}
KEPT = {
    "stripe": ("by Stripe", ~Q(stripe_subscription_id="")),
    "hand": ("by hand", Q(stripe_subscription_id="")),
}
HOLDING = {
    "now": ("holding now", lambda now: Q(withdrawn_at__isnull=True, until__gt=now)),
    "over": ("over or withdrawn", lambda now: Q(withdrawn_at__isnull=False) | Q(until__lte=now)),
}
OUTCOMES = {outcome.value: (outcome.label, Q(outcome=outcome)) for outcome in StripeEvent.Outcome}


def tier_badge(plan: str) -> SafeString:
    return badge(plan, TIER_TONES.get(plan, ""))


def tier_words(person: User) -> tuple[str, str]:
    """The tier, and what gives it until when."""
    standing = tiers.standing_of(person)
    until = f"until {moment(standing.until)}" if standing.until else "without an end"
    if standing.given_by == "override":
        row = person.tier_overrides.holding(timezone.now()).first()
        return standing.tier, format_html("given by staff {}: {}", until, row.reason if row else "")
    if standing.given_by == "subscription":
        return standing.tier, f"by the subscription, {until}"
    latest = person.subscriptions.foremost()
    return standing.tier, f"the subscription is {latest.get_status_display()}" if latest else "no subscription"


class _Facts:
    """Columns of a subscription, in the list and below a person."""

    @display(description="subscription")
    def which(self, row) -> SafeString:
        return link_to(row, row.plan)

    @display(description="status")
    def state(self, row) -> SafeString:
        words = badge(row.get_status_display(), STATUS_TONES.get(row.status, ""))
        return format_html("{} ends with its period", words) if row.cancel_at_period_end else words

    @display(description="from")
    def begins(self, row) -> str:
        return f"{row.period_start:%Y-%m-%d}"

    @display(description="until", ordering="period_end")
    def ends(self, row) -> str:
        return countdown(row.period_end) or "no end"

    @display(description="kept")
    def kept(self, row) -> str:
        return row.stripe_subscription_id or "by hand"


class _Given(TableInline):
    """A table whose rows are added here, by the domain's word, and changed only by buttons of their own pages."""

    tab = True
    hide_title = True

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        """Nobody gets a plan because it came first in a list."""
        kwargs |= {"choices": [("", "Choose a plan"), *db_field.choices], "initial": ""}
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_add_permission(self, request, obj=None) -> bool:
        return may(request.user, "accounts.change_subscription") and obj != request.user

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


class SubscriptionsTable(_Facts, _Given):
    model = Subscription
    fields = ["plan", "period_start", "period_end", "standing"]
    readonly_fields = ["standing"]

    def get_queryset(self, request):
        return super().get_queryset(request).order_by("-id")

    @display(description="status")
    def standing(self, row) -> SafeString | str:
        return format_html("{} {}", self.state(row), link_to(row, self.kept(row))) if row.created_at else ""


class GivenForm(ModelForm):
    def clean_until(self):
        """Said beside the field, so that the rest of what was typed stays."""
        until = self.cleaned_data["until"]
        if until <= timezone.now():
            raise ValidationError("This must be later than now.")
        return until


class OverridesTable(_Given):
    model = TierOverride
    form = GivenForm
    fk_name = "user"
    verbose_name_plural = "tier overrides"
    fields = ["plan", "reason", "until", "by", "state"]
    readonly_fields = ["by", "state"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("given_by").order_by("-id")

    @display(description="given by")
    def by(self, row) -> SafeString | str:
        return link_to(row.given_by) or ("the system" if row.created_at else "")

    @display(description="state")
    def state(self, row) -> SafeString | str:
        if row.created_at is None:
            return ""
        return format_html("{} {}", override_badge(row), press(row, "withdraw", "Withdraw") if holds(row) else "")


def holds(row: TierOverride) -> bool:
    return row.withdrawn_at is None and row.until > timezone.now()


def override_badge(row: TierOverride) -> SafeString:
    if row.withdrawn_at:
        return badge("withdrawn")
    return badge("holds", "success") if holds(row) else badge("over")


class PaidForm(ModelForm):
    class Meta:
        labels = {"period_end": "Paid until"}
        help_texts = {
            "period_end": "A later end renews it: what is past due is active again, a cancellation for the end is off, "
            "and what had ended begins anew."
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "period_end" in self.fields:
            self.fields["period_end"].required = True


@admin.register(Subscription)
class SubscriptionAdmin(_Facts, AccessAdmin):
    form = PaidForm
    list_display = ["which", "person", "state", "begins", "ends", "kept", "customer"]
    list_filter = [
        choice_filter("status", "status", STATUS, at_hand=True),
        choice_filter("plan", "plan", PLANS),
        choice_filter("kept", "kept", KEPT),
    ]
    search_fields = ["user__email", "user__profile__username", "stripe_customer_id__exact",
                     "stripe_subscription_id__exact"]  # fmt: skip
    search_help_text = "Person's e-mail or username, Stripe's id of customer or subscription"
    ordering = ["-id"]
    sortable_by = ["ends"]
    actions_row = ()
    actions_detail = ["cancel_later", "cancel_now", "expire", "reactivate"]
    readonly_fields = ["person", "plan", "state", "begins", "stripe_customer_id", "stripe_subscription_id",
                       "stripe_said_at", "created_at", "updated_at", "id"]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["person", ("plan", "state"), "begins", "period_end"]}),
        ("Stripe", {"fields": ["stripe_customer_id", "stripe_subscription_id", "stripe_said_at"]}),
        ("Record", {"fields": [("created_at", "updated_at"), "id"]}),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("user")

    def has_add_permission(self, request) -> bool:
        """It is begun on the person's page."""
        return False

    def get_readonly_fields(self, request, obj=None):
        return [*self.readonly_fields, "period_end"] if obj and by_stripe(obj) else self.readonly_fields

    def save_model(self, request, obj, form, change) -> None:
        if "period_end" not in form.changed_data:
            return
        row = Subscription.objects.get(pk=obj.pk)
        paid_on = subscriptions.renew if row.status in LIVE else subscriptions.reactivate
        paid_on(subscription=row, period_end=obj.period_end, by=request.user)

    @display(description="Stripe customer")
    def customer(self, row) -> str:
        return row.stripe_customer_id

    @display(description="person")
    def person(self, row) -> SafeString | str:
        return link_to(row.user)

    @button("Cancel for the period's end", needs="accounts.change_subscription", icon="event_busy",
            offered=lambda row: runs(row) and row.period_end and not row.cancel_at_period_end)  # fmt: skip
    def cancel_later(self, request, row) -> str:
        subscriptions.cancel(subscription=row, by=request.user)
        return f"It ends {moment(row.period_end)}."

    @button("Cancel at once", needs="accounts.change_subscription", icon="cancel",
            sure="Its access ends now, whatever was paid for.", offered=lambda row: runs(row))  # fmt: skip
    def cancel_now(self, request, row) -> str:
        subscriptions.cancel(subscription=row, at_period_end=False, by=request.user)
        return "It is cancelled."

    @button("Mark as expired", needs="accounts.change_subscription", icon="timer_off",
            sure="Nobody pays for it any more: its access ends now.", offered=lambda row: runs(row))  # fmt: skip
    def expire(self, request, row) -> str:
        subscriptions.expire(subscription=row, by=request.user)
        return "It is expired."

    @button("Reactivate", needs="accounts.change_subscription", icon="restart_alt",
            offered=lambda row: not by_stripe(row) and (not runs(row) or row.cancel_at_period_end))  # fmt: skip
    def reactivate(self, request, row) -> str:
        subscriptions.reactivate(subscription=row, by=request.user)
        return "It is active."


def by_stripe(row: Subscription) -> bool:
    """Kept by Stripe, and Stripe is set up: it alone changes it."""
    return bool(row.stripe_subscription_id and settings.STRIPE_WEBHOOK_SECRET)


def runs(row: Subscription) -> bool:
    return row.status in LIVE and not by_stripe(row)


@admin.register(TierOverride)
class TierOverrideAdmin(OfPerson):
    list_display = ["which", "person", "reason", "given", "ends", "by", "state"]
    list_filter = [choice_filter("state", "state", HOLDING, at_hand=True), choice_filter("tier", "tier", PLANS)]
    search_fields = ["user__email", "user__profile__username", "reason"]
    search_help_text = "Person's e-mail or username, or reason"
    sortable_by = ["ends"]
    actions_detail = ["withdraw"]
    fields = ["person", "which", "reason", ("given", "ends", "withdrawn_at"), "by", "state"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("given_by")

    @display(description="tier")
    def which(self, row) -> SafeString:
        return tier_badge(row.plan)

    @display(description="given")
    def given(self, row) -> str:
        return countdown(row.created_at)

    @display(description="until", ordering="until")
    def ends(self, row) -> str:
        return countdown(row.until)

    @display(description="by")
    def by(self, row) -> SafeString | str:
        return link_to(row.given_by) or "the system"

    @display(description="state")
    def state(self, row) -> SafeString:
        return override_badge(row)

    @button("Withdraw", needs="accounts.change_subscription", icon="undo", offered=holds)
    def withdraw(self, request, row) -> str:
        subscriptions.withdraw_override(override=row, by=request.user)
        return f"The tier of {row.user} is {tiers.tier_of(row.user)} now."


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    """What Stripe told us and what came of it."""

    list_display = ["kind", "said", "came", "outcome_badge", "customer_id", "subscription_id"]
    list_filter = [choice_filter("outcome", "outcome", OUTCOMES, at_hand=True), "said_at"]
    search_fields = ["stripe_id__exact", "customer_id__exact", "subscription_id__exact", "kind"]
    search_help_text = "Stripe's id of event, customer or subscription, or the event's kind"
    ordering = ["-id"]
    sortable_by = ()
    fields = ["stripe_id", "kind", ("said", "came"), "outcome_badge", ("customer_id", "subscription_id"), "facts"]

    @display(description="said")
    def said(self, event) -> str:
        return moment(event.said_at)

    @display(description="came")
    def came(self, event) -> str:
        return countdown(event.created_at)

    @display(description="outcome")
    def outcome_badge(self, event) -> SafeString:
        return badge(event.get_outcome_display(), OUTCOME_TONES.get(event.outcome, ""))
