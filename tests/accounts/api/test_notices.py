"""`/me/notices`: the inbox for programs (S3-13)."""

import uuid

import pytest

from apps.accounts.models import Notice
from tests.accounts.test_notices import tell
from tests.make import make_key

pytestmark = pytest.mark.django_db

INBOX = "/api/v1/me/notices"


def test_the_list_is_ones_own_newest_first_and_marks_nothing(as_, ana, bob, boss):
    """Staff too see their own here."""
    tell(ana, link="/upload")
    tell(ana, subject="two")
    tell(bob)
    shown = as_(ana).get(INBOX).json()["results"]
    assert [(row["subject"], row["read"], row["read_at"]) for row in shown] == [
        ("two", False, None),
        ("one", False, None),
    ]
    assert shown[1]["link"] == "/upload"
    assert as_(boss).get(INBOX).json()["results"] == []
    assert not Notice.objects.filter(read_at__isnull=False).exists()


def test_the_list_comes_in_pages(as_, ana):
    for number in range(3):
        tell(ana, subject=str(number))
    first = as_(ana).get(INBOX, {"limit": 2}).json()
    second = as_(ana).get(first["next"]).json()
    assert [row["subject"] for row in first["results"] + second["results"]] == ["2", "1", "0"]
    assert second["next"] is None


def test_unread_ones_alone_are_shown_on_request(as_, ana):
    for subject in ("old", "new"):
        tell(ana, subject=subject)
    Notice.objects.filter(subject="old").update(read_at="2024-05-06T12:00Z")
    assert [row["subject"] for row in as_(ana).get(INBOX, {"unread": "1"}).json()["results"]] == ["new"]
    assert len(as_(ana).get(INBOX, {"unread": "0"}).json()["results"]) == 2
    refused = as_(ana).get(INBOX, {"unread": "perhaps"})
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")


def test_all_or_some_are_marked_as_read_and_never_somebody_elses(as_, ana, bob):
    for subject in ("a", "b", "c"):
        tell(ana, subject=subject)
    tell(bob)
    ids = [str(key) for key in Notice.objects.filter(subject__in=["a", "one"]).values_list("pk", flat=True)]
    assert as_(ana).post(f"{INBOX}/read", {"ids": ids}, format="json").json() == {"read": 1}
    assert as_(ana).post(f"{INBOX}/read", {"ids": []}, format="json").json() == {"read": 0}
    assert as_(ana).post(f"{INBOX}/read", {}, format="json").json() == {"read": 2}
    assert Notice.objects.get(user=bob).read_at is None


@pytest.mark.parametrize("ids", ["all", ["one"], [None], [str(uuid.UUID(int=0))] * 201])
def test_ids_that_are_none_are_refused_and_nothing_is_marked(as_, ana, ids):
    tell(ana)
    assert as_(ana).post(f"{INBOX}/read", {"ids": ids}, format="json").status_code == 400
    assert Notice.objects.get().read_at is None


def test_one_is_marked_as_read_and_as_unread_again(as_, ana):
    tell(ana)
    one = f"{INBOX}/{Notice.objects.get().pk}"
    for read in (True, False):
        shown = as_(ana).patch(one, {"read": read}, format="json").json()
        assert shown["read"] is read and (shown["read_at"] is not None) is read
    assert as_(ana).patch(one, {}, format="json").json()["code"] == "INVALID"


def test_nothing_but_having_been_read_is_written(as_, ana, bob):
    tell(ana)
    row = Notice.objects.values("user", "kind", "subject", "day", "title", "message", "link", "mailed_at")
    before = row.get()
    forged = {"read": True, "user": str(bob.pk), "title": "Forged", "link": "/x", "mailed_at": "2020-01-01T00:00Z"}
    assert as_(ana).patch(f"{INBOX}/{Notice.objects.get().pk}", forged, format="json").status_code == 200
    assert row.get() == before


def test_another_persons_notice_is_hidden(as_, ana, bob, boss):
    tell(ana)
    one = f"{INBOX}/{Notice.objects.get().pk}"
    assert as_(bob).patch(one, {"read": True}, format="json").status_code == 404
    assert as_(boss).patch(one, {"read": True}, format="json").status_code == 403
    assert as_(None).get(INBOX).status_code == 401
    assert Notice.objects.get().read_at is None


def test_a_key_needs_the_scope_to_mark(as_, ana):
    tell(ana)
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, 'read')}")
    assert client.get(INBOX).status_code == 200
    assert client.post(f"{INBOX}/read", {}, format="json").status_code == 403
