"""What people report and what moderators decide: every decision has a reason and a name, and its author is told why.

A decision and everything that goes with it is one transaction. Whoever decides holds the author first and then the row,
so that many moderators and people who leave come one after the other; whoever is late is told so. Who reported is known
to moderators alone.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.text import Truncator

from apps.accounts import notices
from apps.accounts.models import User
from apps.lib.errors import Conflict, NotFound, Refusal
from apps.social import actions
from apps.social.models import Comment, Decision, Post, Report

Said = Post | Comment
LONGEST_DETAILS, LONGEST_REASON = 1_000, 500
# So many reports of one person wait at most: nobody fills the queue alone.
MOST_OPEN = 100
STATES = Report.machine.choices
SO_FAR = {"shown": "is shown", "hidden": "is hidden already", "removed": "was taken back by its author"}


@transaction.atomic
def report(*, said: Said, by, reason: str, details: str = "") -> Report:
    """Tell the moderators. `said` was fetched through `visible_to(by)`. Said again it is the first report still,
    unless that one is settled and the words were changed since: then it is open again.

    Refusals: OWN_WORDS 400, INVALID 400 (no such reason, more than 1,000 characters of details), CONFLICT 409 (out of
    sight already), TOO_MANY_REPORTS 409.
    """
    if reason not in Report.Reason.values:
        message = f"reason: one of {', '.join(Report.Reason.values)}."
        raise Refusal("INVALID", message, fields={"reason": [message]})
    details = actions.tidy(details, needed=False, longest=LONGEST_DETAILS, name="details")
    row = _held(said)
    if row.author_id == by.pk:
        raise Refusal("OWN_WORDS", "These words are yours: edit them or take them back.")
    if row.status != "shown":
        raise Conflict("It is out of sight already.")
    facts = {"reason": reason, "details": details}
    made = about(row).filter(by=by).first()
    if made is None:
        if Report.objects.filter(by=by, state="open")[:MOST_OPEN].count() == MOST_OPEN:
            raise Conflict("So many of your reports wait that moderators look at those first.", "TOO_MANY_REPORTS")
        return Report.objects.create(by=by, **{_kind(row): row}, **facts)
    if made.state != "open" and row.edited_at and row.edited_at > made.updated_at:
        Report.machine.move(made, "open", **facts)
    return made


@transaction.atomic
def hide(*, said: Said, by, reason: str) -> Decision:
    """Out of sight for everybody but its author and moderators; its open reports were right.

    Refusals: INVALID 400 (no reason, more than 500 characters), CONFLICT 409 (hidden or taken back meanwhile).
    """
    reason, row = _tidy(reason), _held(said, decide=True)
    _move(row, "shown", "hidden")
    return _decide(row, by, "hid", reason, reports="upheld")


@transaction.atomic
def restore(*, said: Said, by, reason: str) -> Decision:
    """For everybody again; what was reported of it meanwhile is settled. Refusals as `hide`."""
    reason, row = _tidy(reason), _held(said, decide=True)
    _move(row, "hidden", "shown")
    return _decide(row, by, "restored", reason, reports="dismissed")


@transaction.atomic
def dismiss(*, said: Said, by, reason: str) -> Decision:
    """It stays as it is; its open reports are settled. Refusals: INVALID 400, CONFLICT 409 (none is open)."""
    reason, row = _tidy(reason), _held(said, decide=True)
    if not about(row).filter(state="open").exists():
        raise Conflict("None of its reports is open any more: somebody was faster.")
    return _decide(row, by, "dismissed", reason, reports="dismissed")


def _tidy(reason: str) -> str:
    return actions.tidy(reason, needed=True, longest=LONGEST_REASON, name="reason")


def _held(said: Said, *, decide: bool = False) -> Said:
    """The row as it stands now, ours until the end of the transaction.

    Its author first where they are told of it: whoever leaves locks themselves before what they said.
    """
    if decide:
        User.objects.select_for_update(no_key=True).filter(pk=said.author_id).first()
    row = type(said).objects.select_for_update(no_key=True).filter(pk=said.pk).first()
    if row is None:
        raise NotFound
    return row


def _move(row: Said, old: str, new: str) -> None:
    if row.status != old:
        raise Conflict(f"This {_kind(row)} {SO_FAR[row.status]}. Look at it again.")
    type(row).machine.move(row, new)


def _decide(row: Said, by, did: str, reason: str, *, reports: str) -> Decision:
    Report.machine.move_all(about(row).filter(state="open"), reports)
    decision = Decision.objects.create(by=by, did=did, reason=reason, **{_kind(row): row})
    if did != "dismissed" and row.author:
        _tell(row, decision)
    return decision


def _tell(row: Said, decision: Decision) -> None:
    """A decision is told once, however many there are of one thing in a day."""
    words = f" “{Truncator(row.content).chars(80)}”" if row.content else ""
    hid = decision.did == "hid"
    what, then = ("was hidden", "Only you and moderators see it now.") if hid else ("is shown again", "")
    notices.tell(
        user=row.author,
        kind="social.hidden" if hid else "social.restored",
        subject=str(decision.pk),
        title=f"Something you said {what}",
        message=f"Your {_kind(row)}{words} {what}. The moderators' reason: {decision.reason} {then}".rstrip(),
        link=page_of(row),
    )


def _kind(row: Said) -> str:
    return row._meta.model_name


def page_of(row: Said) -> str:
    """Where it stands on the site."""
    if isinstance(row, Comment):
        return f"{reverse('post', args=[row.post_id])}#comment-{row.pk}"
    return reverse("post", args=[row.pk])


def about(row: Said) -> QuerySet[Report]:
    return Report.objects.filter(**{_kind(row): row})


def one_each(state: str) -> Q:
    """Of the reports of one thing that stand so the newest: a row for each thing that was reported.

    Sorted once: to look from each report for a newer one costs by the square of how many there are of one thing.
    """
    newest = Report.objects.filter(state=state).order_by("post", "comment", "-pk").distinct("post", "comment")
    return Q(pk__in=newest.values("pk"))


def queue(user) -> QuerySet[Report]:
    """What waits for a moderator: a report for each thing, as far as this person sees them."""
    return Report.objects.visible_to(user).filter(one_each("open"))


def reasons(rows: Iterable[Said]) -> dict[UUID, str]:
    """Why those that are hidden are hidden, by their keys. No query when none is."""
    hidden = [row.pk for row in rows if row.status == "hidden"]
    if not hidden:
        return {}
    found = Decision.objects.filter(Q(post__in=hidden) | Q(comment__in=hidden), did="hid").order_by("pk")
    return {post or comment: reason for post, comment, reason in found.values_list("post", "comment", "reason")}
