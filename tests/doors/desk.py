"""One row of everything that the admin shows, without a single real byte."""

import datetime as dt
import io
import itertools

from django.utils import timezone

from apps.accounts import notices, subscriptions
from apps.accounts.models import (
    ApiKey,
    Letter,
    Lockout,
    Notice,
    RoleChange,
    Session,
    StripeEvent,
    Subscription,
    TierOverride,
    User,
)
from apps.accounts.roles import Role
from apps.archive import schedule
from apps.archive.models import (
    Alarm,
    ArchiveAsset,
    ArchiveHost,
    ArchiveJob,
    Finding,
    Generation,
    LedgerEntry,
    Manifest,
    Order,
    Verification,
)
from apps.catalog.models import (
    Blob,
    Change,
    Changeset,
    ChangesetRow,
    Derivation,
    Duplicate,
    Provider,
    Term,
    Track,
    TrackFile,
)
from apps.playlists import importing, members
from apps.playlists.models import Cover, Entry, Import, Playlist
from apps.social import moderation
from apps.social.models import Comment, Decision, DeprecatedUse, Post, Report
from apps.uploads import intake
from apps.uploads.models import CompressionReport, FolderFile, FolderImport, QuotaDay, QuotaGrant, Upload
from tests.make import make_comment, make_generated, make_key, make_playlist, make_post, make_track, make_user

_numbers = itertools.count(1)


def make_report(person: User, track: Track, file_name: str) -> CompressionReport:
    """A file that was made four times smaller."""
    facts = {"original_size": 4_000_000, "compressed_size": 1_000_000, "ratio": 4, "processing_ms": 900}
    return CompressionReport.objects.create(user=person, track=track, file_name=file_name, applied=True, **facts)


def make_blob(size: int = 1000, mime: str = "audio/mpeg", extension: str = "mp3") -> Blob:
    """The row of a content that no store holds."""
    number = next(_numbers)
    return Blob.objects.create(sha256=f"{number:064x}", key=f"none/{number}", size=size, mime=mime, extension=extension)


def make_finding(blob: Blob, words: str) -> Finding:
    """A damage of that content which stands."""
    facts = {"size": blob.size, "place": "main", "what": "missing", "found_at": timezone.now(), "note": words}
    return Finding.objects.create(sha256=blob.sha256, **facts)


def make_coming(user: User) -> Upload:
    """An upload by tus of which nothing has come yet."""
    return intake.begin(user=user, way=Upload.Way.TUS, size=1000, file_name="coming.wav")


def make_refused(user: User, *, file_name: str = "notes.txt", **more) -> Upload:
    """An upload whose content was no music."""
    facts = {"file_key": f"none/{next(_numbers)}", "file_name": file_name, "size_bytes": 10, "sha256": "0" * 64}
    upload = Upload(user=user, expires_at=timezone.now(), **facts, **more)
    upload.save(force_insert=True)
    Upload.machine.move(upload, "refused", error_code="INVALID_FORMAT", error_message="Not music.")
    return upload


def make_account(person: User, words: str = "Firefox on Linux") -> dict[type, object]:
    """One row of everything that hangs on a person; `words` wherever somebody from outside chooses them."""
    now, number = timezone.now(), next(_numbers)
    later = now + dt.timedelta(days=1)
    make_key(person)
    notices.tell(user=person, kind="archive.lost", subject=str(number), title=words, message=words)
    session = Session(session_key=f"{number:064x}", user=person, expire_date=later, agent=words, address="203.0.113.7")
    lockout = Lockout(email=person.email, address="203.0.113.7", failed_at=now, locked_until=later, times_locked=1)
    said = {"kind": words, "customer_id": words, "facts": {words: words}}
    event = StripeEvent(stripe_id=f"evt_{number}", said_at=now, outcome="ignored", **said)
    letter = Letter(recipient=words, subject=words, sealed=b"", error_message=words, state="failed")
    for row in (session, lockout, event, letter):
        row.save(force_insert=True)
    return {
        User: person,
        ApiKey: ApiKey.objects.get(user=person),
        Session: session,
        Lockout: lockout,
        RoleChange: RoleChange.objects.filter(user=person).first(),
        Subscription: person.subscriptions.get(),
        TierOverride: subscriptions.override(user=person, plan="pro", reason=words, until=later, by=None),
        StripeEvent: event,
        Letter: letter,
        Notice: Notice.objects.get(user=person),
    }


def make_changeset(track: Track, words: str) -> Changeset:
    """A bulk edit of one track that was previewed."""
    changeset = Changeset(kind="edit", title=words, made_by=track.owner, door="admin", rows_total=1)
    Changeset.machine.insert(changeset, "previewed")
    facts = {"table": "catalog_track", "row_id": track.pk, "old": {"genre": ""}, "new": {"genre": words}}
    ChangesetRow.objects.create(changeset=changeset, track=track, **facts)
    return changeset


def make_list(person: User, track: Track, words: str) -> dict[type, object]:
    """A playlist with a track, a member and a cover."""
    playlist = make_playlist(person, track, name=words, description=words)
    members.put(playlist=playlist, username=make_user().profile.username, role="viewer")
    Cover.objects.create(playlist=playlist, image=b"none", sha256="0" * 64)
    return {Playlist: playlist, Entry: playlist.entries.get()}


def make_import(person: User, words: str = "Unheard of") -> Import:
    """A playlist file of one line that was not found."""
    table = io.BytesIO(f'title\n"{words.replace(chr(34), chr(34) * 2)}"\n'.encode())
    imported = importing.begin(content=table, file_name=words, by=person, name="Imported")
    assert importing.finish_if_small(imported)
    return Import.objects.get(pk=imported.pk)


def make_said(person: User, words: str) -> dict[type, object]:
    """A post with a comment, hidden and shown again, and a report of it."""
    post = make_post(person, words)
    comment = make_comment(post, person, words)
    for act in (moderation.hide, moderation.restore):
        decision = act(said=comment, by=None, reason=words)
    report = moderation.report(said=post, by=make_user(), reason="spam", details=words)
    return {Post: post, Comment: comment, Report: report, Decision: decision}


def make_quota(user: User, words: str) -> dict[type, object]:
    """A day of which something is used, and a grant for it."""
    today = timezone.now().date()
    return {
        QuotaDay: QuotaDay.objects.create(user=user, day=today, used_bytes=1, limit_bytes=2),
        QuotaGrant: QuotaGrant.objects.create(
            user=user, extra_bytes=5, starts_on=today, ends_on=today, reason=words, granted_by=user
        ),
    }


def make_folder(user: User, words: str) -> FolderImport:
    """A folder of the server with a file that was refused."""
    folder = FolderImport.objects.create(path=f"/srv/{words}", person=user, made_by=user, next_at=timezone.now())
    file = FolderFile.objects.create(folder=folder, path=words, size_bytes=1, changed_ns=1)
    FolderFile.machine.move(file, "refused", error_code="INVALID_FORMAT", error_message=words)
    return folder


def make_host(name: str) -> ArchiveHost:
    """A host whose breaker is open."""
    now = timezone.now()
    later = now + dt.timedelta(minutes=5)
    return ArchiveHost.objects.create(name=name, tokens=100, filled_at=now, open_until=later, trips=1)


def make_alarm(words: str) -> Alarm:
    """One that is over, so that any number of them may be."""
    alarm = Alarm(kind="lost", message=words, over_at=timezone.now())
    Alarm.machine.insert(alarm, "over")
    return alarm


def make_closed_day() -> Manifest:
    """A day of its own without entries; its bytes are nobody's."""
    number, blob = next(_numbers), make_blob()
    day = dt.date(2000, 1, 1) + dt.timedelta(days=number)
    return Manifest.objects.create(day=day, sha256=blob.sha256, previous=f"{number:064x}", entries=0, blob=blob)


def make_verification(words: str) -> Verification:
    """A look that found something."""
    problem = {"day": words, "line": 1, "what": words}
    found = Verification(ended_at=timezone.now(), result={"problems": [problem], "more": 1})
    Verification.machine.insert(found, "broken")
    return found


def make_desk(title: str = "Neon Rain", file_name: str = "notes.txt") -> dict[type, object]:
    """A person with role, plan and key, a generated track with files, assets and a job, and a refused upload."""
    person = make_user(roles=[Role.ARTIST], plan="pro")
    account = make_account(person, title)
    track = make_generated(person, title=title, artist=title, cover_url="https://cdn1.suno.ai/cover.jpeg")
    blob = make_blob()
    TrackFile.objects.create(track=track, role="original", blob=blob, codec="mp3", duration_ms=1000)
    Derivation.objects.create(track=track, source_sha256=blob.sha256)
    schedule.plan_tracks([track])
    return {
        **account,
        Track: track,
        Blob: blob,
        Duplicate: Duplicate.objects.create(
            first=track, second=make_track(person, title=title), reasons=["near"], likeness="0.9"
        ),
        Changeset: make_changeset(track, title),
        Term: Term.objects.create(kind="genre", name=f"{title} {next(_numbers)}"),
        Change: Change.objects.filter(track=track).latest("id"),
        Provider: track.source.provider,
        **make_list(person, track, title),
        **make_said(person, title),
        Import: make_import(person, title),
        DeprecatedUse: DeprecatedUse.objects.create(user=person, day="2027-01-02", what="page", count=3),
        ArchiveAsset: track.archive_assets.first(),
        ArchiveHost: make_host(f"cdn{next(_numbers)}.example.com"),
        ArchiveJob: ArchiveJob.objects.get(track=track),
        Generation: Generation.objects.create(
            owner=person,
            provider=track.source.provider,
            provider_track_id=f"g{next(_numbers)}",
            title=title,
            next_at=timezone.now(),
            ends_at=timezone.now(),
            error_message=title[:500],
        ),
        Finding: make_finding(blob, title),
        Alarm: make_alarm(title),
        Order: Order.objects.create(verb="retry", assets=[], asked_by=person, error_message=title),
        LedgerEntry: LedgerEntry.objects.filter(track=track.pk).first(),
        Manifest: make_closed_day(),
        Verification: make_verification(title),
        Upload: make_refused(person, file_name=file_name),
        CompressionReport: make_report(person, track, file_name),
        FolderImport: make_folder(person, file_name),
        **make_quota(person, title),
    }
