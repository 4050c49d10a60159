"""The digest: one letter per person and day, by choice, however much happened."""

import datetime as dt
import threading
import time

import pytest
from django.db import connection, transaction

from apps.accounts import digests, letters, notices
from apps.accounts.models import Letter, Notice, Profile
from apps.lib.errors import NotFound
from tests.lib.threads import LONGEST_S, side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db

TUESDAY = dt.datetime(2024, 5, 7, 8, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
MONDAY = TUESDAY - DAY


def tell(user, subject: str = "one", **facts) -> None:
    words = {"kind": "archive.lost", "title": "A track is lost", "message": f"“{subject}” cannot be had any more."}
    notices.tell(user=user, subject=subject, **{**words, **facts})


def choose(user, digest: str) -> None:
    Profile.objects.filter(user=user).update(digest=digest)


def queued() -> list:
    """The messages that lie in the queue, in the order of their recipients."""
    return [letters._message(row) for row in Letter.objects.order_by("recipient")]


def test_one_letter_holds_all_that_is_unread(ana, bob):
    """S3-13."""
    tell(ana, "Neon Rain", link="/tracks/1")
    tell(ana, "Night Train")
    tell(ana, "Storage", kind="quota.full", title="Your day is full", message="Come back tomorrow.")
    tell(bob, "Silence")
    notices.read(user=bob)
    assert digests.send(now=TUESDAY) == 1
    (message,) = queued()
    html = message.alternatives[0][0]
    assert message.to == ["ana@example.org"]
    assert message.subject == "3 new notices for you on Keeptrack"
    for text in (message.body, html):
        assert text.count("A track is lost") == text.count("Your day is full") == 1
        assert "“Neon Rain” cannot be had any more." in text and "Silence" not in text
        assert "http://127.0.0.1:8000/tracks/1" in text and "http://127.0.0.1:8000/notices" in text
    assert Letter.objects.get().bulk


def test_ten_thousand_failures_are_one_letter_of_fifty_lines(ana):
    row = {"user": ana, "kind": "archive.lost", "day": TUESDAY.date(), "title": "A track is lost"}
    Notice.objects.bulk_create(
        [Notice(subject=str(number), message=f"Number {number}.", **row) for number in range(10_000)], batch_size=2000
    )
    assert digests.send(now=TUESDAY) == 1
    (message,) = queued()
    assert message.subject.startswith("10000 new notices")
    assert message.body.count("Number ") == message.alternatives[0][0].count("Number ") == 50
    assert "… and 9950 more." in message.body
    assert digests.send(now=TUESDAY + DAY) == 0


def test_what_was_mailed_is_not_mailed_again(ana):
    tell(ana)
    assert [digests.send(now=TUESDAY + n * DAY) for n in range(3)] == [1, 0, 0]


def test_a_day_brings_one_letter_at_most_and_loses_nothing(ana):
    tell(ana)
    assert digests.send(now=TUESDAY) == 1
    tell(ana, "two")
    assert digests.send(now=TUESDAY + dt.timedelta(hours=15)) == 0
    assert digests.send(now=TUESDAY + DAY) == 1


@pytest.mark.django_db(transaction=True)
def test_a_second_run_that_comes_before_the_first_is_over_writes_nothing():
    """It waits for the first, and then looks again."""
    tell(make_user("ana"))
    written = threading.Event()

    def first() -> int:
        with transaction.atomic():
            count = digests.send(now=TUESDAY)
            written.set()
            wait_until(somebody_waits)
        return count

    def second() -> int:
        assert written.wait(LONGEST_S)
        return digests.send(now=TUESDAY)

    assert side_by_side(first, second) == [1, 0]
    assert Letter.objects.count() == 1


def somebody_waits() -> bool:
    """Whether another connection waits for a row of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0] > 0


def wait_until(condition) -> None:
    until = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def test_who_leaves_before_their_turn_is_passed_over(ana, bob, monkeypatch):
    tell(ana)
    tell(bob)
    write = digests._write

    def leave_and_write(key, now) -> bool:
        type(ana).objects.filter(pk=ana.pk).delete()
        return write(key, now)

    monkeypatch.setattr(digests, "_write", leave_and_write)
    assert digests.send(now=TUESDAY) == 1
    assert Letter.objects.get().recipient == bob.email


@pytest.mark.parametrize(("digest", "on_tuesday", "on_monday"), [("daily", 1, 1), ("weekly", 0, 1), ("off", 0, 0)])
def test_everybody_chooses_how_often(ana, digest, on_tuesday, on_monday):
    choose(ana, digest)
    for now, expected in ((TUESDAY, on_tuesday), (TUESDAY + 6 * DAY, on_monday)):
        tell(ana, str(now))
        assert digests.send(now=now) == expected


def test_an_address_that_nobody_has_verified_gets_no_digest():
    """S4-10: else anybody could have letters sent to anybody."""
    stranger = make_user("ana")
    type(stranger).objects.filter(pk=stranger.pk).update(email_verified_at=None)
    tell(stranger)
    assert digests.send(now=TUESDAY) == 0


def test_who_is_switched_off_gets_no_digest(ana):
    type(ana).objects.filter(pk=ana.pk).update(is_active=False)
    tell(ana)
    assert digests.send(now=TUESDAY) == 0


def test_the_letter_names_its_own_end_in_one_click(ana):
    """RFC 8058."""
    tell(ana)
    digests.send(now=TUESDAY)
    headers = queued()[0].extra_headers
    address = headers["List-Unsubscribe"].strip("<>")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address.startswith("http://127.0.0.1:8000/digest/off/") and address in queued()[0].body
    digests.switch_off(profile=digests.reader(address.rpartition("/")[2]))
    tell(ana, "two")
    assert digests.send(now=TUESDAY + DAY) == 0


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: "x" + t, lambda t: ""])
def test_a_token_that_we_did_not_sign_ends_nothing(ana, change):
    token = digests.off_path(ana.profile).rpartition("/")[2]
    assert digests.reader(token).user == ana
    with pytest.raises(NotFound):
        digests.reader(change(token))
