"""What somebody pays for (S4-13, C-10)."""

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.lib.records import Record
from apps.lib.states import Machine

# An arrow from a state to itself brings new facts: another plan, the next period. Stripe's word may bring any other.
SUBSCRIPTION_STATES = Machine(
    "status",
    {
        "active": ("active", "past_due", "cancelled", "expired"),
        "cancelled": ("active", "past_due", "cancelled", "expired"),
        "expired": ("active", "past_due", "cancelled", "expired"),
        "past_due": ("active", "past_due", "cancelled", "expired"),
    },
)
PLANS = ("free", "pro", "enterprise")
LIVE = ("active", "past_due")


class SubscriptionQuerySet(models.QuerySet):
    def live(self):
        """Those that run: one per person at most, whether or not it gives access."""
        return self.filter(status__in=LIVE)

    def holding(self, now: dt.datetime):
        """Subscriptions that give their plan's access at this moment, the newest first (S1-05, C-10).

        Active: inside the period, and within the grace behind it unless it was cancelled for the period's end.
        Past due: within the grace alone. Cancelled and expired: never, whatever period was paid for.
        """
        graced = Q(period_end__gt=now - settings.SUBSCRIPTION_GRACE, cancel_at_period_end=False)
        active = Q(status="active") & (Q(period_end__isnull=True) | Q(period_end__gt=now) | graced)
        past_due = Q(status="past_due", period_end__lte=now) & graced
        return self.filter(active | past_due, period_start__lte=now).order_by("-id")

    def over(self, now: dt.datetime):
        """Those that run although their period, and the grace behind it where there is one, are over.

        What is past due at Stripe stays so: Stripe tries the card for weeks, and says itself when it gives up.
        """
        late = Q(period_end__lte=now - settings.SUBSCRIPTION_GRACE)
        ended = late | Q(period_end__lte=now, cancel_at_period_end=True)
        return self.live().filter(ended).exclude(~Q(stripe_subscription_id=""), status="past_due")

    def foremost(self) -> "Subscription | None":
        """The one to show to a person: the one that runs, else the one that ran last."""
        return self.live().first() or self.order_by("-period_start", "-id").first()


class Subscription(Record):
    class Plan(models.TextChoices):
        FREE = "free"
        PRO = "pro"
        ENTERPRISE = "enterprise"

    machine = SUBSCRIPTION_STATES

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscriptions")
    plan = models.CharField(max_length=12, choices=Plan, default=Plan.FREE)
    status = machine.column(max_length=12)
    period_start = models.DateTimeField(default=timezone.now)
    period_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    stripe_customer_id = models.CharField(max_length=64, blank=True, default="", db_index=True)
    stripe_subscription_id = models.CharField(max_length=64, blank=True, default="")
    stripe_said_at = models.DateTimeField(
        null=True, editable=False, db_comment="creation time of the newest Stripe event that was applied"
    )

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(plan__in=["free", "pro", "enterprise"]), name="subscription_plan_known"),
            SUBSCRIPTION_STATES.constraint("subscription_status_known"),
            models.CheckConstraint(
                condition=Q(period_end__isnull=True) | Q(period_end__gt=models.F("period_start")),
                name="subscription_period_forward",
            ),
            models.UniqueConstraint(
                fields=["user"], condition=Q(status__in=["active", "past_due"]), name="subscription_one_live"
            ),
            models.UniqueConstraint(
                fields=["stripe_subscription_id"],
                condition=~Q(stripe_subscription_id=""),
                name="subscription_stripe_id_once",
            ),
        ]
        indexes = [models.Index("status", name="subscription_status")]

    def __str__(self) -> str:
        return f"{self.user} · {self.plan} · {self.status}"

    @property
    def ends(self) -> dt.datetime | None:
        """When its access ends if nothing more is heard of it; None: it has no end."""
        if self.period_end is None or self.cancel_at_period_end:
            return self.period_end
        return self.period_end + settings.SUBSCRIPTION_GRACE


class TierOverrideQuerySet(models.QuerySet):
    def holding(self, now: dt.datetime):
        """Overrides that count at this moment, the newest first."""
        return self.filter(withdrawn_at__isnull=True, created_at__lte=now, until__gt=now).order_by("-id")


class TierOverride(Record):
    """Staff's word over the subscription, with a reason and an end (C-10)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tier_overrides")
    plan = models.CharField(max_length=12, choices=Subscription.Plan)
    reason = models.CharField(max_length=300)
    until = models.DateTimeField()
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TierOverrideQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(plan__in=PLANS), name="tier_override_plan_known"),
            models.CheckConstraint(
                condition=Q(until__gt=models.F("created_at")), name="tier_override_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} until {self.until:%Y-%m-%d}"


class StripeEvent(Record):
    """What Stripe told us, once each; `facts` is the part of the object that decides."""

    class Outcome(models.TextChoices):
        APPLIED = "applied"
        STALE = "stale", "older than what is known"
        UNMATCHED = "unmatched", "of a person or price that is not known yet"
        IGNORED = "ignored"

    stripe_id = models.CharField(max_length=255, unique=True, editable=False)
    kind = models.CharField(max_length=80, editable=False)
    said_at = models.DateTimeField(editable=False)
    customer_id = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
    subscription_id = models.CharField(max_length=64, blank=True, default="", editable=False)
    facts = models.JSONField(default=dict, editable=False)
    outcome = models.CharField(max_length=10, choices=Outcome, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["applied", "stale", "unmatched", "ignored"]), name="stripe_event_outcome_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.outcome}"
