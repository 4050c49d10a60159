"""Staff's word about a tier, from the command line; and what gives a person the tier they have."""

import datetime as dt
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from apps.accounts import stripe_events, subscriptions, tiers
from apps.accounts.models import User
from apps.accounts.models.subscription import PLANS
from apps.lib.errors import Refusal

EVENTS_SHOWN = 10


def moment(text: str) -> dt.datetime:
    """A day, counted with its last minute, or a moment; UTC unless it says otherwise."""
    if day := parse_date(text):
        return dt.datetime.combine(day, dt.time.min, dt.UTC) + dt.timedelta(days=1)
    if (found := parse_datetime(text)) is None:
        raise ValueError("neither a day nor a moment")
    return found if timezone.is_aware(found) else found.replace(tzinfo=dt.UTC)


class Command(BaseCommand):
    help = (
        "Gives a person another tier than the one they pay for, for a reason and until a day; or takes that back; or "
        "shows what gives them the tier they have."
    )

    def add_arguments(self, parser):
        parser.add_argument("email", help="address of the person")
        parser.add_argument("--plan", choices=PLANS, help=f"the tier: {', '.join(PLANS)}", metavar="PLAN")
        parser.add_argument("--until", type=moment, help="its last day, such as 2027-01-31, or a moment, UTC")
        parser.add_argument("--reason", default="", help="why, for whoever reads it later")
        parser.add_argument("--withdraw", action="store_true", help="take back what was given this way")
        parser.add_argument("--show", action="store_true", help="show and change nothing")

    def handle(self, *, email: str, plan: str | None, until, reason: str, withdraw: bool, show: bool, **options):
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"There is no account {email}.")
        if [bool(plan or until or reason), withdraw, show].count(True) != 1:
            raise CommandError("Say either --plan, --until and --reason, or --withdraw, or --show.")
        if withdraw:
            for row in user.tier_overrides.holding(timezone.now()):
                subscriptions.withdraw_override(override=row, by=None)
        elif not show:
            give(user, plan, until, reason)
        self.stdout.write("\n".join(report(user)))


def give(user: User, plan: str | None, until: dt.datetime | None, reason: str) -> None:
    if not (plan and until and reason):
        raise CommandError("--plan, --until and --reason belong together.")
    try:
        subscriptions.override(user=user, plan=plan, until=until, reason=reason, by=None)
    except Refusal as refusal:
        raise CommandError(refusal.message) from refusal


def report(user: User) -> Iterator[str]:
    """The tier, then overrides, subscriptions and what Stripe told last."""
    standing = tiers.standing_of(user)
    yield f"{user.email}: {standing.tier}, given by {standing.given_by}{until_when(standing.until)}"
    for row in user.tier_overrides.holding(timezone.now()):
        yield f"  override      {row.plan}{until_when(row.until)}: {row.reason}"
    for row in user.subscriptions.order_by("-period_start", "-id"):
        kept = row.stripe_subscription_id or "kept by hand"
        ends = ", ends then" if row.cancel_at_period_end else ""
        yield f"  subscription  {row.plan}, {row.status}, {kept}{until_when(row.period_end)}{ends}"
    for event in stripe_events.of(user)[:EVENTS_SHOWN]:
        yield f"  Stripe        {event.said_at:%Y-%m-%d %H:%M:%S} {event.kind}: {event.get_outcome_display()}"


def until_when(moment: dt.datetime | None) -> str:
    return f" until {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
