"""Two worlds: in one Ana has sessions, keys, notices, a plan and much more, in the other she has nothing. Nobody can tell."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.accounts import letters, lockout
from apps.accounts.models import IdempotentAnswer, RoleChange, Subscription, TierOverride, User
from apps.accounts.roles import Role
from tests.doors.matrix import ADMIN, METHODS, filled, table
from tests.doors.world import ask, make_people, make_secrets, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhindered")]

# What differs between any two answers.
CHANCE = re.compile(rb'(?<=")[A-Za-z0-9]{64}(?=")|(?<=nonce=")[^"]+')
# A new secret with each look, or the time of the look; and what is as long as it is impersonal.
NOT_COMPARED = {
    "/api/v1/schema/",
    "/account/second-factor/on",
    "/_allauth/browser/v1/account/authenticators/totp",
    "/account/data/export",
    "/api/v1/me/export",
}
ELSEWHERE = "198.51.100.9"
GUESSES = [
    ("/sign-in", {"login": "ana@example.org", "password": "a guess"}),
    ("/reset-password", {"email": "ana@example.org"}),
    ("/sign-up", {"email": "ana@example.org", "password1": "correct horse battery"}),
    ("/_allauth/browser/v1/auth/login", {"email": "ana@example.org", "password": "a guess"}),
    ("/_allauth/browser/v1/auth/password/request", {"email": "ana@example.org"}),
    ("/_allauth/browser/v1/auth/signup", {"email": "ana@example.org", "password": "correct horse battery"}),
]


def enrich(user: User) -> None:
    """Everything that is somebody's own and nobody else's business."""
    now = timezone.now()
    Subscription.objects.create(user=user, plan="pro", stripe_customer_id="cus_1")
    TierOverride.objects.create(user=user, plan="enterprise", reason="a prize", until=now + timedelta(days=9))
    RoleChange.objects.create(user=user, role=Role.ARTIST, change="withdrawn", by=None)
    EmailAddress.objects.create(user=user, email="ana-too@example.org", verified=False)
    IdempotentAnswer.objects.create(user=user, key="k", fingerprint="f", http_status=200, body={})
    TOTP.activate(user, generate_totp_secret())
    for _ in range(settings.LOCKOUT_FAILURES):
        lockout.count(email=user.email, address=ELSEWHERE)
    letters.queue(EmailMessage("Hello", "A secret", to=[user.email]))
    user.profile.digest = "off"
    user.profile.save()


def heard(client: Client, method: str, path: str, body: dict) -> tuple:
    """All that an answer says."""
    answer = ask(client, method, path, body)
    return answer.status_code, answer.headers.get("Location"), CHANCE.sub(b"", answer.said)


def hears_everything(client: Client, asked: list[tuple]) -> dict[tuple, tuple]:
    return {(method, path): heard(client, method, path, body) for method, path, body in asked}


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_what_somebody_has_shows_in_no_answer_to_others(who):
    """Every page and every method of the accounts, asked with the ids of rows that are there in one world only."""
    people = make_people()
    ana, client = people["owner"], sign_in(people[who])
    with transaction.atomic():
        cases = make_secrets(ana)
        enrich(ana)
        rows = [row for row in table() if row.case in cases and not row.route.startswith(ADMIN)]
        rows = [row for row in rows if row.route not in NOT_COMPARED]
        asked = [
            (method, filled(row.route, cases[row.case].values), cases[row.case].body)
            for row in rows
            for method in METHODS
            if method in row.cells or method == "GET"
        ]
        asked += [("POST", path, body) for path, body in GUESSES]
        rich = hears_everything(client, asked)
        transaction.set_rollback(True)
    poor = hears_everything(client, asked)
    told = sorted(f"{method} {path}" for method, path in rich if rich[method, path] != poor[method, path])
    assert not told, "\n".join(told)
    assert len(rich) > 150


def test_a_difference_would_be_heard():
    """The same questions, asked by Ana."""
    people = make_people()
    ana = people["owner"]
    asked = [("GET", path, {}) for path in ("/api/v1/me/keys", "/api/v1/me/notices", "/api/v1/me", "/account/sessions")]
    with transaction.atomic():
        make_secrets(ana)
        enrich(ana)
        rich = hears_everything(sign_in(ana), asked)
        transaction.set_rollback(True)
    poor = hears_everything(sign_in(ana), asked)
    assert all(rich[each] != poor[each] for each in rich)
