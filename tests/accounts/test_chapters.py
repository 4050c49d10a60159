"""What the house keeps of a person, and that nothing of it is forgotten."""

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core.mail import EmailMessage
from django.db import models

from apps.accounts import actions, chapters, departure, letters, lockout, notices
from apps.accounts.models import IdempotentAnswer, StripeEvent, Subscription, TierOverride, User
from apps.accounts.roles import Role
from tests.make import make_key

pytestmark = pytest.mark.django_db


def rows(user, name: str) -> list[dict]:
    (chapter,) = (each for each in chapters.CHAPTERS if each.name == name)
    return list(chapter.rows(user))


@pytest.fixture
def known(ana, boss):
    """Ana, with a row of everything that accounts keep."""
    actions.grant(user=ana, role=Role.ARTIST, by=boss)
    actions.withdraw(user=ana, role=Role.ARTIST, by=boss)
    actions.grant(user=ana, role=Role.MODERATOR, by=boss)
    make_key(ana)
    now = ana.created_at
    Subscription.objects.create(user=ana, plan="pro", stripe_customer_id="cus_1", stripe_subscription_id="sub_1")
    TierOverride.objects.create(user=ana, plan="pro", reason="a gift", until=now.replace(year=2099), given_by=boss)
    StripeEvent.objects.create(stripe_id="evt_1", kind="x", said_at=now, customer_id="cus_1", outcome="applied")
    StripeEvent.objects.create(stripe_id="evt_2", kind="x", said_at=now, customer_id="cus_2", outcome="ignored")
    EmailAddress.objects.create(user=ana, email="ana@second.example", verified=True)
    lockout.count(email="ana@second.example", address="203.0.113.9")
    notices.tell(user=ana, kind="archive.lost", subject="1", title="Lost", message="It is lost.")
    letters.queue(EmailMessage("Hello", "secret words", to=["ana@example.org"]))
    letters.queue(EmailMessage("Hello", "other words", to=["bob@example.org"]))
    IdempotentAnswer.objects.create(user=ana, key="k", fingerprint="f", http_status=201, body={"x": 1})
    return User.objects.get(pk=ana.pk)


def test_every_chapter_tells_of_its_person_alone(known, boss):
    counts = {chapter.name: len(list(chapter.rows(known))) for chapter in chapters.CHAPTERS}
    ours = {"profile": 1, "emails": 2, "roles": 1, "role_history": 3, "subscriptions": 1, "tier_overrides": 1}
    ours |= {"payments": 1, "sign_in_failures": 1, "api_keys": 1, "notices": 1, "letters": 1, "answers": 1}
    assert ours.items() <= counts.items()
    others = {name for name in ours if rows(boss, name)}
    assert others == {"profile", "emails", "roles", "role_history"}


def test_a_checkout_tells_of_whom_it_names_and_of_nobody_elses_customer(ana, bob):
    """Also before a price names a plan, and never what somebody else paid."""
    facts = {"kind": "checkout.session.completed", "said_at": ana.created_at, "outcome": "applied"}

    def bought(number: int, user, customer: str) -> None:
        person = {"person": str(user.pk) if user else ""}
        StripeEvent.objects.create(**facts, stripe_id=f"evt_{number}", customer_id=customer, facts=person)

    for number, (user, customer) in enumerate([(ana, "cus_1"), (None, "cus_1"), (bob, "cus_2"), (ana, "cus_2")]):
        bought(number, user, customer)
    Subscription.objects.create(user=bob, plan="pro", stripe_customer_id="cus_2")
    assert {row["stripe_id"] for row in rows(ana, "payments")} == {"evt_0", "evt_1", "evt_3"}
    assert "evt_1" not in {row["stripe_id"] for row in rows(bob, "payments")}
    departure.part(user=ana, tracks="remove")
    assert set(StripeEvent.objects.values_list("stripe_id", flat=True)) == {"evt_2"}


def test_no_secret_is_told(known, client):
    client.force_login(known)
    told = str([list(chapter.rows(known)) for chapter in chapters.CHAPTERS])
    (session,) = known.sessions.all()
    assert str(session.id) in told
    for secret in (known.password, known.api_keys.get().digest, session.session_key, session.session_data):
        assert secret not in told
    assert "secret words" not in told


def test_nobody_else_is_named(known, boss):
    told = str([list(chapter.rows(known)) for chapter in chapters.CHAPTERS])
    assert str(boss.pk) not in told and boss.email not in told


def test_a_row_is_told_with_every_column_but_those_left_out(known):
    key = known.api_keys.get()
    told = chapters.columns(key, but=("digest",))
    assert set(told) == {field.attname for field in key._meta.concrete_fields} - {"digest"}


# Rows that hang on a person and say nothing about them that is not told elsewhere.
STAFF = "what staff did is the house's"
NOT_TOLD = dict.fromkeys(
    ("admin.LogEntry", "archive.Order", "catalog.Changeset", "catalog.Duplicate", "social.Decision"), STAFF
)


def test_every_table_that_hangs_on_a_person_is_told():
    """A new table with a person in it needs a chapter, and an entry here."""
    known = {
        "accounts.Profile", "accounts.Avatar", "accounts.RoleGrant", "accounts.RoleChange", "accounts.Subscription",
        "accounts.TierOverride", "accounts.Session", "accounts.ApiKey", "accounts.IdempotentAnswer", "accounts.Notice",
        "account.EmailAddress", "mfa.Authenticator", "catalog.Track", "catalog.Play", "catalog.ProviderSource",
        "catalog.Change", "catalog.FormerFile", "uploads.Upload", "uploads.QuotaDay", "uploads.QuotaGrant",
        "uploads.FolderImport", "uploads.CompressionReport",
        "archive.ArchiveJob", "archive.Generation",
        "playlists.Playlist", "playlists.Member", "playlists.Entry", "playlists.Import",
        "social.Post", "social.Comment", "social.Like", "social.Follow", "social.Report",
        "social.DeprecatedUse",
    }  # fmt: skip
    hanging = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model is User
    }
    assert hanging - set(NOT_TOLD) == known


def test_chapters_are_in_the_order_of_the_floors():
    names = [chapter.name for chapter in chapters.CHAPTERS]
    assert len(set(names)) == len(names)
    assert names[0] == "profile" and names.index("tracks") < names.index("uploads") < names.index("archive_jobs")
    assert [step.__module__ for step in chapters.STEPS] == [
        f"apps.{app}.chapters" for app in ("catalog", "uploads", "archive", "playlists", "social")
    ]
