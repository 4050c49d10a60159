"""May a track be licensed? One verdict, from its samples, shares, archive state and tier (S4-05, S4-06).

`verdict` decides over plain facts and knows no database. `judge` reads the facts of tracks and keeps the verdict with
them, so that lists can ask for it. Whoever changes a fact calls `judge` in the same transaction, or `has_copy` when it
is a file; `look_again` finds what went past everybody.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from apps.catalog import history
from apps.catalog.identifiers import ipi_doubtful
from apps.catalog.models import Change, Credit, ProviderSource, Sample, Track, TrackFile

CLEARED, BLOCKED, UNKNOWN = "cleared", "blocked", "unknown"
NOTE = ""  # worth knowing, and nothing in the way

# Code → what it does to the verdict, and words for people. The worst one decides; reasons are told in this order.
REASONS = {
    "SAMPLES_NOT_CLEARED": (BLOCKED, "It holds a sample that is not cleared."),
    "SPLITS_IN_DISPUTE": (BLOCKED, "The shares of its writers, or of its publishers, are more than 100.00 together."),
    "LOST": (BLOCKED, "Its provider deleted the sound before there was a copy of our own."),
    "NO_CREDITS": (UNKNOWN, "Nobody is credited."),
    "SPLITS_INCOMPLETE": (UNKNOWN, "The shares of its writers, or of its publishers, are less than 100.00 together."),
    "NOT_ARCHIVED": (UNKNOWN, "There is no copy of our own yet, only the provider's."),
    "PRO_ONLY": (NOTE, "Its full file is for pro and enterprise members."),
    "IPI_DOUBTFUL": (NOTE, "An IPI has a wrong check digit."),
    "NO_ISRC": (NOTE, "It has no ISRC."),
}
WANTING = ("LOST", "NOT_ARCHIVED")  # a copy of our own
WHOLE = Decimal("100.00")
# Roles that share one right, and whether it must be shared out: a song has writers, it may do without a publisher.
# Who played and produced earns from the recording by contract, which no share here says.
RIGHTS = (
    (frozenset({"composer", "songwriter", "lyricist", "arranger"}), True),
    (frozenset({"publisher"}), False),
)
KEPT = ("clearance", "clearance_reasons")
LOOK_BACK = dt.timedelta(minutes=5)
AT_ONCE = 2000
ROUNDS = 24 * 60  # every track is looked at again once a day, a share of them every minute


@dataclass(frozen=True)
class Share:
    """One credit, as far as the verdict asks."""

    role: str
    split: Decimal | None = None
    ipi_doubtful: bool = False


@dataclass(frozen=True)
class Facts:
    """What the verdict is made of. `kept_until`: when the provider deletes it, None for what came from no provider."""

    shares: tuple[Share, ...] = ()
    uncleared_sample: bool = False
    kept_until: dt.datetime | None = None
    archived: bool = False
    pro_only: bool = False
    isrc: str = ""


@dataclass(frozen=True)
class Verdict:
    """`state` is cleared, blocked or unknown; `reasons` are codes of REASONS."""

    state: str
    reasons: tuple[str, ...] = ()


def verdict(facts: Facts, *, now: dt.datetime) -> Verdict:
    """Blocked by one thing that must be settled first, unknown while something is not said, else cleared."""
    found = set(_reasons(facts, now))
    return _of(code for code in REASONS if code in found)


def _of(reasons: Iterable[str]) -> Verdict:
    reasons = tuple(reasons)
    effects = {REASONS[code][0] for code in reasons if code in REASONS}
    return Verdict(next((state for state in (BLOCKED, UNKNOWN) if state in effects), CLEARED), reasons)


def reason_words(codes: Iterable[str]) -> list[str]:
    """The reasons as sentences; a code of another version as it stands."""
    return [REASONS[code][1] if code in REASONS else code for code in codes]


def _reasons(facts: Facts, now: dt.datetime) -> Iterator[str]:
    if facts.uncleared_sample:
        yield "SAMPLES_NOT_CLEARED"
    if facts.shares:
        yield from _shared_out(facts.shares)
    else:
        yield "NO_CREDITS"
    if facts.kept_until and not facts.archived:
        yield "LOST" if facts.kept_until <= now else "NOT_ARCHIVED"
    if facts.pro_only:
        yield "PRO_ONLY"
    if any(share.ipi_doubtful for share in facts.shares):
        yield "IPI_DOUBTFUL"
    if not facts.isrc:
        yield "NO_ISRC"


def _shared_out(shares: tuple[Share, ...]) -> Iterator[str]:
    for roles, needed in RIGHTS:
        said = [share.split for share in shares if share.role in roles and share.split is not None]
        total = sum(said, Decimal(0))
        if total > WHOLE:
            yield "SPLITS_IN_DISPUTE"
        elif total < WHOLE and (needed or said):
            yield "SPLITS_INCOMPLETE"


def judge(track_ids: Iterable[UUID], *, now: dt.datetime | None = None) -> int:
    """Keep the present verdict with each of these tracks that is in sight; returns how many had another one.

    The tracks are held first, so that two who change parts of one track are judged one after the other, the later one
    over both. A fixed number of queries for every `AT_ONCE` tracks, which are let go of before the next are held unless
    the caller's transaction holds them.
    """
    keys, now = sorted(set(track_ids)), now or timezone.now()
    parts = (keys[at : at + AT_ONCE] for at in range(0, len(keys), AT_ONCE))
    return sum(_keep(part, now) for part in parts)


@transaction.atomic(savepoint=False)
def _keep(keys: list[UUID], now: dt.datetime) -> int:
    before = _held(keys)
    others = defaultdict(list)
    for pk, facts in _facts(list(before)).items():
        if (found := verdict(facts, now=now)) != before[pk]:
            others[found].append(pk)
    if others:
        with history.said(by=None):
            for found, tracks in others.items():
                Track.objects.filter(pk__in=tracks).update(**_columns(found))
    return sum(map(len, others.values()))


def _held(keys: list[UUID]) -> dict[UUID, Verdict]:
    held = Track.objects.live().filter(pk__in=keys).select_for_update(no_key=True).order_by("pk")
    return {pk: Verdict(state, tuple(why)) for pk, state, why in held.values_list("pk", *KEPT)}


@transaction.atomic(savepoint=False)
def has_copy(track_id: UUID, **facts) -> None:
    """Of a track that has a copy of our own now, what stood in the way for want of one no longer does.

    `facts` are columns to be written too, in one UPDATE where both are the system's doing: each writes all indexes of
    the track. What else the verdict is made of is not read again, which would be a quarter of what settling a file
    costs.
    """
    for before in _held([track_id]).values():
        found = _of(code for code in before.reasons if code not in WANTING)
        if _of(before.reasons) != before:  # nobody judged it yet
            judge([track_id])
        elif found != before and history.person():
            with history.said(by=None):
                Track.objects.filter(pk=track_id).update(**_columns(found))
        elif found != before:
            facts |= _columns(found)
    if facts:
        Track.objects.filter(pk=track_id).update(**facts)


def of_new(facts: dict, *, kept_until: dt.datetime | None = None) -> dict:
    """The columns of a track that is about to be made with these facts; it has no parts and no files yet."""
    known = Facts(kept_until=kept_until, pro_only=bool(facts.get("is_pro_only")), isrc=facts.get("isrc", ""))
    return _columns(verdict(known, now=timezone.now()))


def _columns(found: Verdict) -> dict:
    return {"clearance": found.state, "clearance_reasons": list(found.reasons)}


def _facts(keys: list[UUID]) -> dict[UUID, Facts]:
    shares = defaultdict(list)
    for track, role, split, ipi in Credit.objects.filter(track__in=keys).values_list("track", "role", "split", "ipi"):
        shares[track].append(Share(role, split, ipi_doubtful(ipi)))
    uncleared = Exists(Sample.objects.filter(track=OuterRef("pk"), is_cleared=False))
    archived = Exists(TrackFile.objects.filter(track=OuterRef("pk"), role="original"))
    rows = Track.objects.filter(pk__in=keys).with_pro_only().annotate(uncleared=uncleared, archived=archived)
    columns = ("uncleared", "source__expires_at", "archived", "for_pro", "isrc")
    return {pk: Facts(tuple(shares[pk]), *said) for pk, *said in rows.values_list("pk", *columns)}


def look_again(*, now: dt.datetime | None = None) -> int:
    """Judge what was written lately by whomever, what its provider has just deleted, and this minute's share of all.

    Nothing is remembered from one time to the next: what a missed beat leaves out, its share finds within a day.
    """
    now = now or timezone.now()
    written = Change.objects.filter(at__gte=now - LOOK_BACK).values_list("track", flat=True)
    expired = ProviderSource.objects.filter(expires_at__range=(now - LOOK_BACK, now)).values_list("track", flat=True)
    return judge({*written.iterator(), *expired, *_share_of_all(now)}, now=now)


def _share_of_all(now: dt.datetime) -> Iterable[UUID]:
    last = Track.objects.aggregate(last=Max("number"))["last"] or 0
    size, at = last // ROUNDS + 1, (now.hour * 60 + now.minute) % ROUNDS
    return Track.objects.filter(number__range=(at * size, (at + 1) * size - 1)).values_list("pk", flat=True)
