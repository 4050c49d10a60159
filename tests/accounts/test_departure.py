"""Leaving: nothing says any more who was here, and nobody else loses anything (C-07, S4-08)."""

import datetime as dt
import hashlib
import io
import threading
import time
from collections import Counter

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import actions, avatars, departure, letters, lockout, notices, profiles, rescue, tasks
from apps.accounts.chapters import CHAPTERS
from apps.accounts.models import IdempotentAnswer, Letter, Lockout, StripeEvent, Subscription, User
from apps.accounts.roles import Role
from apps.archive import schedule
from apps.archive.models import ArchiveJob
from apps.catalog import actions as catalog
from apps.catalog import files, plays, sweeper
from apps.catalog.models import Blob, ProviderSource, Track, TrackFile
from apps.lib import locks
from apps.lib.errors import Conflict, Refusal
from apps.uploads import actions as uploads
from apps.uploads.models import Upload
from tests.accounts.test_avatars import picture
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, audio, make_generated, make_key, make_playable, make_providers, make_track, make_user

pytestmark = pytest.mark.django_db

HERE = "203.0.113.5"
NAME, EMAIL, SECOND = "zebulon77", "zebulon77@example.org", "zeb@second.example"
TEXT_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)
WHERE columns.table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'django_migrations'
"""


def places_of(*words: str) -> Counter:
    """Where one of the words stands, in any column of any table, by table and column."""
    found = Counter()
    with connection.cursor() as cursor:
        cursor.execute(TEXT_COLUMNS)
        for table, column in cursor.fetchall():
            like = " OR ".join([f'"{column}"::text ILIKE %s'] * len(words))
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE {like}', [f"%{word}%" for word in words])
            found[f"{table}.{column}"] = cursor.fetchone()[0]
    return +found


def make_known(client, *, by: User) -> User:
    """Somebody with a trace of themself in every table that can hold one."""
    user = make_user(NAME, roles=[Role.ARTIST])
    profiles.edit(user=user, display_name="Zebulon", bio=f"I am {NAME}, write to {EMAIL}.")
    avatars.put(user=user, content=picture())
    EmailAddress.objects.create(user=user, email=SECOND, verified=True)
    client.force_login(user)
    client.get("/account/data", HTTP_USER_AGENT=f"{NAME}'s browser")
    make_key(user)
    TOTP.activate(user, "A" * 32)
    RecoveryCodes.activate(user)
    lockout.count(email=EMAIL, address=HERE)
    lockout.count(email=SECOND, address=HERE)
    notices.tell(user=user, kind="archive.lost", subject="1", title=f"For {NAME}", message="It is lost.")
    letters.queue(EmailMessage(f"To {NAME}", "words", to=[EMAIL]))
    now = timezone.now()
    Subscription.objects.create(user=user, plan="pro", stripe_customer_id="cus_1")
    StripeEvent.objects.create(
        stripe_id="evt_1", kind="x", said_at=now, customer_id="cus_1", facts={"email": EMAIL}, outcome="applied"
    )
    IdempotentAnswer.objects.create(user=user, key="k", fingerprint="f", http_status=200, body={"username": NAME})
    plays.play(track=make_track(by), user=user, network=HERE)
    log = {"user": by, "content_type_id": content_type(User), "object_repr": EMAIL, "action_flag": CHANGE}
    LogEntry.objects.create(object_id=str(user.pk), change_message=f'[{{"changed": "{NAME}"}}]', **log)
    LogEntry.objects.create(object_id="x", change_message="", **{**log, "object_repr": f"{EMAIL} · artist"})
    return user


def content_type(model) -> int:
    return ContentType.objects.get_for_model(model).pk


def make_tracks(user: User) -> dict[str, Track]:
    """One of each kind that a person can have, with everything that hangs on it."""
    uploaded = uploads.receive(user=user, content=io.BytesIO(audio("mp3")), file_name=f"{NAME}.mp3", title="Loud")
    made = {
        "uploaded": uploaded.track,
        "private": make_playable(user, title="Quiet", is_public=False),
        "generated": make_generated(user),
        "gone": make_track(user),
    }
    catalog.remove(track=made["gone"], by=user)
    schedule.plan()
    return made


def leave(user: User, tracks: str = "remove", **facts) -> None:
    departure.leave(user=user, **{"password": PASSWORD, "tracks": tracks, "address": HERE, **facts})


@pytest.mark.parametrize("tracks", ["remove", "library"])
def test_nothing_in_the_database_names_who_left(client, boss, bob, settings, tracks):
    settings.EMAIL_BACKEND = "apps.accounts.tasks.Outbox"
    user = make_known(client, by=boss)
    make_tracks(user)
    theirs = make_playable(bob)
    before = {table: set(table.objects.filter(user=bob).values_list("pk", flat=True)) for table in (Upload,)}
    assert len(places_of(NAME, EMAIL, SECOND)) > 12
    leave(user, tracks)
    assert set(places_of(NAME, EMAIL, SECOND, str(user.pk))) == {"accounts_letter.recipient"}
    assert not User.objects.filter(pk=user.pk).exists() and User.objects.count() == 2
    assert Track.objects.get(pk=theirs.pk).owner == bob and theirs.file("original").blob
    assert before == {table: set(table.objects.filter(user=bob).values_list("pk", flat=True)) for table in (Upload,)}
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {"a person who left"}
    (last,) = Letter.objects.all()
    assert (last.recipient, last.subject) == (EMAIL, "Your account is gone")
    letters.run(*letters.claim(limit=1))
    tasks.tidy()
    assert not places_of(NAME, EMAIL, SECOND, str(user.pk))


def test_an_address_that_is_only_asked_for_gives_nothing_of_whoever_has_it(bob, ana):
    """Bob asked to change to Ana's address and leaves: her letters and what is counted against guessers stay."""
    EmailAddress.objects.create(user=bob, email=ana.email)
    letters.queue(EmailMessage("Reset your password", "words", to=[ana.email]))
    lockout.count(email=ana.email, address=HERE)
    assert {row.name: list(row.rows(bob)) for row in CHAPTERS if row.name in ("letters", "sign_in_failures")} == {
        "letters": [],
        "sign_in_failures": [],
    }
    leave(bob)
    assert Letter.objects.filter(recipient=ana.email).count() == lockout.of(ana.email).count() == 1


def test_a_last_letter_says_so(ana):
    leave(ana, "library")
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["ana@example.org"], "Your account is gone")
    assert "stay in the library, without your name" in letter.body and "stay in" in letter.alternatives[0].content


def test_letters_to_people_who_are_here_are_kept(ana):
    for address in ("ana@example.org", "nobody@example.org"):
        letters.queue(EmailMessage("Hello", "words", to=[address]))
    assert departure.forget_letters() == 0
    rows = Letter.objects.all()
    Letter.machine.move_all(rows, "failed")
    assert departure.forget_letters() == 1
    assert Letter.objects.get().recipient == "ana@example.org"


def test_removed_tracks_are_tombstones_without_words_or_files(ana):
    made = make_tracks(ana)
    leave(ana, "remove")
    rows = Track.objects.all()
    assert rows.count() == len(made)
    for row in rows:
        assert (row.status, row.owner, row.title, row.is_public) == ("removed", None, "", False)
    assert not TrackFile.objects.exists() and not Upload.objects.exists()
    source = ProviderSource.objects.get()
    assert (source.owner, source.audio_url, source.provider_track_id) == (None, "", f"removed {made['generated'].pk}")


def test_tracks_of_the_library_stay_as_they_were(ana, as_):
    made = make_tracks(ana)
    facts = Track.objects.in_bulk()
    leave(ana, "library")
    for name in ("uploaded", "private", "generated"):
        now, before = Track.objects.get(pk=made[name].pk), facts[made[name].pk]
        assert (now.kind, now.owner, now.status) == ("library", None, "ready")
        assert (now.title, now.is_public, now.removed_at) == (before.title, before.is_public, None)
    assert Track.objects.get(pk=made["gone"].pk).status == "removed"
    assert as_(None).get(f"/tracks/{made['uploaded'].pk}").status_code == 200
    assert as_(None).get(f"/tracks/{made['private'].pk}").status_code == 404
    assert ProviderSource.objects.get().audio_url.startswith("https://")


def test_two_who_made_the_same_may_both_leave_it_to_the_library(ana, bob):
    make_providers()
    facts = {
        "provider": "suno",
        "provider_track_id": "same",
        "title": "Same",
        "audio_url": "https://cdn1.suno.ai/s.mp3",
    }
    for user in (ana, bob):
        catalog.register_generated(owner=user, **facts)
        leave(user, "library")
    assert ProviderSource.objects.filter(provider_track_id="same", owner=None).count() == 2


@pytest.mark.parametrize("tracks", ["remove", "library"])
def test_the_gallery_is_handed_on_and_never_touched(ana, bob, tracks):
    """C-07: who owns the gallery now has it."""
    track = Track.objects.get(pk=make_track(ana, kind="gallery", title="Sealed").pk)
    with pytest.raises(Refusal) as refused:
        leave(ana, tracks)
    assert refused.value.code == "GALLERY_OWNER_NEEDED" and User.objects.filter(pk=ana.pk).exists()
    actions.hand_over_gallery(to=bob, by=None)
    leave(ana, tracks)
    now = Track.objects.get(pk=track.pk)
    assert (now.owner, now.kind, now.title, now.status, now.updated_at) == (
        bob, "gallery", "Sealed", "ready", track.updated_at
    )  # fmt: skip


def test_jobs_of_the_archive_stay_without_a_name(ana, boss):
    track = make_generated(ana)
    schedule.plan()
    ArchiveJob.objects.update(requested_by=ana)
    leave(ana, "library")
    job = ArchiveJob.objects.get()
    assert (job.track_id, job.user, job.requested_by) == (track.pk, None, None)


def test_the_last_admin_and_the_gallery_owner_stay(boss, bob):
    with pytest.raises(Refusal, match="last admin") as refused:
        leave(boss)
    assert (refused.value.code, refused.value.status) == ("LAST_ADMIN", 409)
    second = make_user("second", roles=[Role.ADMIN])
    rescue.switch(user=second, active=False)
    with pytest.raises(Refusal, match="last admin"):
        leave(boss)
    rescue.switch(user=second, active=True)
    actions.hand_over_gallery(to=boss, by=None)
    with pytest.raises(Refusal, match="gallery owner") as refused:
        leave(boss)
    assert refused.value.code == "GALLERY_OWNER_NEEDED"
    actions.hand_over_gallery(to=bob, by=None)
    leave(boss)
    assert set(User.objects.values_list("pk", flat=True)) == {second.pk, bob.pk}


def test_an_admin_who_is_switched_off_is_not_the_last_one(boss):
    off = make_user("off", roles=[Role.ADMIN])
    rescue.switch(user=off, active=False)
    departure.part(user=off, tracks="remove")
    assert User.objects.get() == boss


def test_a_wrong_password_counts_and_changes_nothing(ana, settings):
    make_track(ana)
    for _ in range(settings.LOCKOUT_FAILURES):
        with pytest.raises(Refusal, match="not your password") as refused:
            leave(ana, password="wrong")
    assert refused.value.code == "WRONG_PASSWORD"
    with pytest.raises(Refusal) as refused:
        leave(ana)
    assert (refused.value.code, refused.value.status) == ("LOCKED_OUT", 429)
    assert Lockout.objects.get().email == "ana@example.org" and Track.objects.get().owner == ana
    leave(ana, now=timezone.now() + dt.timedelta(days=1))
    assert not Lockout.objects.exists()


def test_a_choice_that_is_none_is_refused(ana):
    with pytest.raises(Refusal, match="remove, library"):
        leave(ana, "burn")


def test_a_step_that_fails_leaves_everything_as_it_was(ana, monkeypatch):
    def fail(parting):
        raise Refusal("CONFLICT", "No.")

    track = make_playable(ana)
    monkeypatch.setattr(departure.chapters, "STEPS", [*departure.chapters.STEPS, fail])
    with pytest.raises(Refusal):
        departure.part(user=ana, tracks="remove")
    assert Track.objects.get().owner == ana and TrackFile.objects.filter(track=track).exists()
    assert User.objects.filter(pk=ana.pk).exists() and not mail.outbox


def test_a_subscription_that_stripe_goes_on_charging_for_is_named(ana):
    assert departure.paid_for(ana) is None
    row = Subscription.objects.create(user=ana, plan="pro", stripe_subscription_id="sub_1")
    assert departure.paid_for(ana) == row
    Subscription.objects.update(cancel_at_period_end=True)
    assert departure.paid_for(ana) is None


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_leave_at_once_one_stays():
    admins = [make_user(roles=[Role.ADMIN]) for _ in range(2)]
    outcomes = side_by_side(*(lambda who=who: departure.part(user=who, tracks="remove") for who in admins))
    assert sorted(getattr(outcome, "code", "gone") for outcome in outcomes) == ["LAST_ADMIN", "gone"]
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_leaving_twice_at_once_is_leaving_once():
    ana = make_user("ana")
    outcomes = side_by_side(*[lambda: departure.part(user=ana, tracks="remove")] * 3)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotFound", "NotFound"]
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_is_checked_meanwhile_comes_to_nothing():
    """Its row is there, its track is not: the sweeper's lock on its bytes keeps it just there. The bytes go in time."""
    ana, content = make_user("ana"), audio("wav", 0.5)

    def upload() -> Upload:
        return uploads.receive(user=ana, content=io.BytesIO(content), file_name="a.wav")

    def part() -> None:
        with locks.alone(files.content(hashlib.sha256(content).hexdigest())) as mine:
            assert mine and wait_for(Upload.objects.filter(state="received").exists)
            departure.part(user=ana, tracks="library")

    uploaded, left = side_by_side(upload, part)
    assert isinstance(uploaded, Refusal) and left is None, (uploaded, left)
    for table in (User, Upload, Track, TrackFile):
        assert not table.objects.exists(), table
    for days in (1, 4):
        sweeper.sweep(now=timezone.now() + dt.timedelta(days=days))
    assert not Blob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_track_that_is_being_written_meanwhile_is_not():
    ana = make_user("ana")
    written, left = threading.Event(), threading.Event()

    @transaction.atomic
    def write() -> None:
        catalog.create(owner=ana, kind="uploaded", title="Late")
        written.set()
        assert left.wait(20)

    def part() -> None:
        assert written.wait(20)
        departure.part(user=ana, tracks="library")
        left.set()

    refused, done = side_by_side(write, part)
    assert isinstance(refused, IntegrityError) and done is None, (refused, done)
    assert not User.objects.exists() and not Track.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_sent_after_its_person_left_is_refused():
    ana, left = make_user("ana"), threading.Event()

    class Slow(io.BytesIO):
        def read(self, size=-1):
            assert left.wait(20)
            return super().read(size)

    def part() -> None:
        departure.part(user=ana, tracks="remove")
        left.set()

    refused, _ = side_by_side(
        lambda: uploads.receive(user=ana, content=Slow(audio("wav", 0.5)), file_name="a.wav"), part
    )
    assert isinstance(refused, (IntegrityError, Conflict)) and not Upload.objects.exists()


def wait_for(happened) -> bool:
    """Whether it happens within twenty seconds."""
    return any(happened() or time.sleep(0.02) for _ in range(1000))


def test_ten_thousand_tracks_go_in_as_few_statements_as_one(ana, bob):
    statements_of_leaving(make_user("carl"), tracks=1)  # the first one also asks what the process then remembers
    asked = [statements_of_leaving(person, tracks=number) for person, number in ((ana, 1), (bob, 200))]
    assert asked[0] == asked[1] <= 175  # some for each table that holds something of a track or a person


def statements_of_leaving(person: User, *, tracks: int) -> int:
    Track.objects.bulk_create([Track(owner=person, title=f"Number {number}") for number in range(tracks)])
    Track.machine.move_all(Track.objects.of(person), "ready")
    with CaptureQueriesContext(connection) as asked:
        departure.part(user=person, tracks="remove")
    assert Track.objects.filter(status="removed", owner=None).count() >= tracks and not Track.objects.of(person)
    return len(asked)
