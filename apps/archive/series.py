"""The archive drawn: what charts and metrics are made of, counted in the database."""

import datetime as dt
from collections import defaultdict

from django.db.models import Case, CharField, Count, DurationField, ExpressionWrapper, F, IntegerField, Q, Value, When
from django.db.models.functions import Greatest, TruncDate

from apps.archive.models import OPEN_STATES, UNSAVED_STATES, ArchiveAsset
from apps.lib import clock

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
# Until its expiry, by its upper end; the last one is what lies behind.
EXPIRY_STEPS = {
    "over": dt.timedelta(0), "1 h": HOUR, "6 h": 6 * HOUR, "1 d": DAY, "2 d": 2 * DAY, "4 d": 4 * DAY, "7 d": 7 * DAY,
    "10 d": 10 * DAY, "13 d": 13 * DAY, "15 d": 15 * DAY,
}  # fmt: skip
# Until it was ours, in seconds; as Prometheus' histograms have it, each step holds those before it too.
SOON_STEPS = (5, 15, 30, 60, 120, 300, 900, 3600, 21_600, 86_400)
OUTCOMES = ("archived", "retried", "lost")
SHOWN_DAYS = 14


def _stepped(steps: dict) -> Case:
    """The name of the first step that holds the `length`; empty beyond all."""
    whens = [When(Q(length__lte=end), then=Value(name)) for name, end in steps.items()]
    return Case(*whens, default=Value(""), output_field=CharField())


def until_expiry(*, now: dt.datetime | None = None) -> list[tuple[str, int]]:
    """What is not archived yet by how long its address still works, the soonest first."""
    now = now or clock.now()
    rows = ArchiveAsset.objects.filter(state__in=OPEN_STATES).order_by()
    left = ExpressionWrapper(F("expires_at") - Value(now), output_field=DurationField())
    counted = rows.annotate(length=left).annotate(step=_stepped(EXPIRY_STEPS)).values("step")
    found = {row["step"]: row["n"] for row in counted.annotate(n=Count("pk"))}
    return [*((name, found.get(name, 0)) for name in EXPIRY_STEPS), ("later", found.get("", 0))]


def until_archived(*, window: dt.timedelta = DAY, now: dt.datetime | None = None) -> list[tuple[int | None, int]]:
    """Files archived within the window by the seconds that took since we could know of them; None is beyond all."""
    now = now or clock.now()
    rows = ArchiveAsset.objects.filter(state="archived", archived_at__gt=now - window).order_by()
    took = F("archived_at") - Greatest("track__source__generated_at", "created_at")
    whens = [When(length__lte=dt.timedelta(seconds=step), then=Value(step)) for step in SOON_STEPS]
    step = Case(*whens, default=Value(0), output_field=IntegerField())
    rows = rows.annotate(length=ExpressionWrapper(took, output_field=DurationField())).annotate(step=step)
    found = {row["step"]: row["n"] for row in rows.values("step").annotate(n=Count("pk"))}
    return [*((each, found.get(each, 0)) for each in SOON_STEPS), (None, found.get(0, 0))]


def outcomes(*, days: int = SHOWN_DAYS, now: dt.datetime | None = None) -> dict[str, list[tuple[dt.date, dict]]]:
    """By provider and UTC day, the oldest first: archived at the first try, after further ones (retried), and lost."""
    now = now or clock.now()
    first = now.astimezone(dt.UTC).date() - dt.timedelta(days=days - 1)
    since = dt.datetime.combine(first, dt.time(), dt.UTC)
    counts: dict = defaultdict(lambda: defaultdict(lambda: dict.fromkeys(OUTCOMES, 0)))
    for state, moment in (("archived", "archived_at"), ("lost", "lost_at")):
        rows = ArchiveAsset.objects.filter(**{"state": state, f"{moment}__gte": since}).order_by()
        rows = rows.annotate(day=TruncDate(moment, tzinfo=dt.UTC)).values("track__source__provider__name", "day")
        for row in rows.annotate(again=Count("pk", filter=Q(attempts__gt=0)), n=Count("pk")):
            cell = counts[row["track__source__provider__name"]][row["day"]]
            if state == "lost":
                cell["lost"] += row["n"]
            else:
                cell["archived"], cell["retried"] = row["n"] - row["again"], row["again"]
    every = [first + dt.timedelta(days=number) for number in range(days)]
    return {name: [(day, counts[name][day]) for day in every] for name in sorted(counts)}


def by_state() -> list[tuple[str, str, int]]:
    """(provider's code, state, files) of what is not archived."""
    rows = ArchiveAsset.objects.filter(state__in=UNSAVED_STATES, track__removed_at__isnull=True).order_by()
    counted = rows.values_list("track__source__provider", "state").annotate(n=Count("pk"))
    return sorted((provider or "", state, number) for provider, state, number in counted)
