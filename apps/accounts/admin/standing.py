"""The top of a person's page: whether they can sign in and what is in the way, on one screen."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from apps.accounts import avatars, lockout, rescue
from apps.accounts.admin.letters import letter_badge
from apps.accounts.admin.lockouts import failed_attempts
from apps.accounts.admin.roles import role_badge
from apps.accounts.admin.subscriptions import tier_badge, tier_words
from apps.accounts.models import Letter, Lockout, User
from apps.accounts.roles import ROLES
from apps.lib.admin import badge, countdown, link_to, press

# What helps against an obstacle: buttons of the person's page.
REMEDIES = {
    "unverified": [("send_verification", "Send the letter again"), ("vouch", "Mark as verified")],
    "password": [("send_reset", "Send reset link")],
    "locked": [("lift", "Lift the lock-out")],
}
LATEST = 5


def standing(request: HttpRequest, person: User) -> str:
    """Verdict and remedies, then the facts behind them."""
    obstacles = rescue.obstacles(user=person)
    context = {
        "person": person,
        "avatar": avatars.address(person),
        "only_from": _only_from(person, {found.kind for found in obstacles}),
        "obstacles": [(found.words, _remedies(person, found.kind)) for found in obstacles],
        "powerless": powerless(person),
        "facts": _facts(person),
        "failures": [_failures(row) for row in lockout.of(person.email)],
        "letters": _letters(person),
    }
    return render_to_string("admin/accounts/standing.html", context)


def _only_from(person: User, kinds: set[str]) -> str:
    """The networks that are locked out, when nothing else is in the way."""
    locked = lockout.of(person.email).filter(locked_until__gt=timezone.now())
    return ", ".join(locked.values_list("address", flat=True)) if kinds == {"locked"} else ""


def powerless(person: User) -> bool:
    """Staff who may do nothing because a second factor is demanded of them (STAFF_SECOND_FACTOR)."""
    staff = any(ROLES[role].allows("admin.enter") for role in person.roles)
    return staff and settings.STAFF_SECOND_FACTOR and not person.has_second_factor


def _remedies(person: User, kind: str) -> list[str]:
    return [press(person, name, words) for name, words in REMEDIES.get(kind, [])]


def _failures(row: Lockout) -> tuple:
    locked = row.locked_until and row.locked_until > timezone.now()
    until = countdown(row.locked_until) if locked else "not locked out"
    return row.address, failed_attempts(row), countdown(row.failed_at), until


def _facts(person: User) -> list[tuple[str, str]]:
    tier, because = tier_words(person)
    roles = [role_badge(role) for role in sorted(person.roles - {"user"})]
    return [
        ("E-mail", _address(person)),
        ("Roles", roles or ["user"]),
        ("Tier", [tier_badge(tier), because]),
        ("Second factor", _second_factor(person)),
        ("Last sign-in", [countdown(person.last_login) or "never"]),
        ("Sessions", [f"{person.sessions.filter(expire_date__gt=timezone.now()).count()} open"]),
    ]  # fmt: skip


def _address(person: User) -> list[str]:
    proven = badge("verified", "success") if rescue.is_verified(user=person) else badge("not verified", "warning")
    wished = EmailAddress.objects.filter(user=person, verified=False).exclude(email=person.email)
    waiting = [f"· a change to {email} waits for its letter" for email in wished.values_list("email", flat=True)]
    return [proven, person.email, *waiting]


def _second_factor(person: User) -> list[str]:
    kept = {row.type: row for row in Authenticator.objects.filter(user=person)}
    totp = kept.get("totp")
    if totp is None:
        return [badge("off")]
    used = countdown(totp.last_used_at) or "never"
    codes = "with" if "recovery_codes" in kept else "without"
    return [badge("on", "success"), "last used", used, f"· {codes} recovery codes"]


def _letters(person: User) -> list[tuple]:
    newest = Letter.objects.filter(recipient=person.email).defer("sealed").order_by("-id")[:LATEST]
    return [(link_to(row, row.subject), letter_badge(row), countdown(row.created_at), row.error_message)
            for row in newest]  # fmt: skip
