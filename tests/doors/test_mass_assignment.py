"""Mass assignment: the name of every column is sent to every address that writes, and changes nothing.

Each address is asked three times from one state: twice as its form says, which shows what differs by itself (keys,
times, seals), and once with the names of all columns beside it. What the database then holds must be alike.
"""

import datetime as dt
import io
import json
import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from itertools import zip_longest

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models, transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from PIL import Image

from apps.accounts import sessions
from apps.accounts.models import User
from tests.doors.matrix import ADMIN, API, filled, table
from tests.doors.world import Case, make_cases, make_people, send, sign_in
from tests.make import PASSWORD, audio, make_key, make_track

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhindered")]

WRITING = ("POST", "PUT", "PATCH", "DELETE")
# Words that are no column and would be worth a try.
WORTH_A_TRY = {
    "roles": ["admin"], "grants": ["admin"], "groups": [1], "user_permissions": [1], "permissions": ["*"],
    "is_staff": True, "is_superuser": True, "tier": "enterprise", "key_scopes": ["admin"], "has_second_factor": True,
    "vouched": True, "email_verified": True, "profile": {"username": "thief"}, "grants-0-role": "admin",
}  # fmt: skip


@dataclass(frozen=True)
class Write:
    """A body that an address takes, the tables that it may change, and what it answers when that is no success."""

    sends: dict
    changes: tuple[str, ...] = ()
    case: str = ""
    who: str = "owner"
    status: int = 0


TRACK = "title artist description is_public genre subgenre tempo key scale mood tags catalog_number isrc release_date"
PROFILE = "username display_name first_name last_name bio country timezone language digest"
LIST = "name description is_public is_collaborative"
OLD_POST = "post_type audio_url audio_filename audio_duration audio_file_size audio_mime_type"
SECTION = "section startTime endTime start_ms end_ms description"
CREDIT = "name role ipi pro split contact_email contact_phone"
INSTRUMENT = "category type is_primary"
SAMPLE = "pack_name description is_cleared clearance_notes"
SOURCE = "provider provider_track_id audio_url cover_url video_url duration generated_at expires_at"


def a_file() -> SimpleUploadedFile:
    return SimpleUploadedFile("song.mp3", audio("mp3", 1.0), "audio/mpeg")


def a_table() -> SimpleUploadedFile:
    return SimpleUploadedFile("tracks.csv", b"id,genre\n1,Sent\n", "text/csv")


def a_list() -> SimpleUploadedFile:
    return SimpleUploadedFile("list.csv", b"title\nSent\n", "text/csv")


def a_picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return SimpleUploadedFile("me.png", out.getvalue(), "image/png")


SONG = {"provider": "suno", "provider_track_id": "x1", "title": "Sent", "audio_url": "https://cdn1.suno.ai/x1.mp3"}
NEWCOMER = {"email": "new@example.org", "profile_username": "newcomer"}
COMES = ("accounts_user", "accounts_profile", "account_emailaddress", "accounts_letter", "accounts_session")
ENTERS = ("accounts_session", "accounts_user")  # last_login
PROVES = ("account_emailaddress", "accounts_user", "accounts_letter")
CHANGES = ("account_emailaddress", "accounts_user", "accounts_letter", "accounts_session")
ENDS = (*CHANGES, "accounts_apikey")
GOES = ("catalog_change", "catalog_changeset", "catalog_changesetrow",
    "account_emailaddress", "accounts_apikey", "accounts_avatar", "accounts_letter", "accounts_notice",
    "accounts_profile", "accounts_session", "accounts_user", "catalog_providersource", "catalog_track",
    "catalog_trackfile", "catalog_formerfile", "catalog_section", "catalog_credit", "catalog_instrument", "catalog_sample",
    "uploads_upload", "uploads_quotaday", "uploads_check", "uploads_folderimport", "uploads_folderfile",
    "social_post", "social_comment", "social_like", "social_report",
    "playlists_cover", "playlists_entry", "playlists_member", "playlists_playlist",
    "playlists_import", "playlists_importline",
    "archive_archiveasset", "archive_archivejob", "archive_ledgerentry",
)  # fmt: skip
RUNS = ("archive_archivejob", "archive_archiveasset", "archive_ledgerentry")
FILLS = ("playlists_entry", "playlists_playlist")
IMPORTS = ("playlists_import", "playlists_importline", "playlists_playlist")
JOINS = ("playlists_member", "accounts_notice")
HIDES = ("accounts_notice", "social_comment", "social_decision", "social_post", "social_report")
LIKES, SAYS = ("social_like", "social_post"), ("social_comment", "social_post")
UPLOADS = (
    "catalog_change",
    "uploads_upload",
    "uploads_quotaday",
    "uploads_check",
    "catalog_track",
    "catalog_trackfile",
    "catalog_blob",
    "catalog_derivation",
)
RESTORES = ("catalog_change", "catalog_derivation", "catalog_formerfile", "catalog_track", "catalog_trackfile")
REPLACES = (*UPLOADS, "catalog_formerfile")
NEW = "another horse battery"
JSON = "/_allauth/browser/v1"
# Every name that an address reads: nothing else may come in.
TAKES = {
    "/sign-in": "login password remember next",
    "/sign-up": "email password1 profile_username",
    "/sign-in/code": "code",
    "/verify-email/<str:key>": "key action",
    "/reset-password": "email",
    "/reset-password/<uidb36>-<key>": "password1 password2",
    "/account": PROFILE,
    "/account/avatar": "file drop",
    "/account/confirm": "password",
    "/account/confirm/code": "code",
    "/account/data": "tracks username password",
    "/account/email": "email action_add action_remove action_send action_primary",
    "/account/keys": "name scopes lifetime",
    "/account/password": "oldpassword password1 password2",
    "/account/password/set": "password1 password2",
    "/account/second-factor/on": "code",
    "/tracks/<uuid:pk>/audio": "file",
    "/upload": "file title is_public",
    "/playlists": "name is_public",
    "/playlists/add": "track_id playlist name",
    "/playlists/import": "file playlist name",
    "/playlists/imports/<uuid:pk>/lines/<int:number>": "track_id ignored",
    "/playlists/<uuid:pk>/edit": f"{LIST} seen",
    "/playlists/<uuid:pk>/cover": "file drop",
    "/playlists/<uuid:pk>/members": "username role",
    "/playlists/<uuid:pk>/entries/<uuid:entry_pk>/move": "position page",
    "/playlists/<uuid:pk>/entries/<uuid:entry_pk>/remove": "page",
    "/feed": "content track_id parent_id",
    "/posts/<uuid:pk>/edit": "content do track_id parent_id seen",
    "/posts/<uuid:pk>/like": "do next",
    "/posts/<uuid:pk>/comments": "content parent_id track_id",
    "/comments/<uuid:pk>/edit": "content do track_id parent_id seen",
    "/posts/<uuid:pk>/report": "reason details",
    "/comments/<uuid:pk>/report": "reason details",
    "/people/<str:username>/follow": "do next",
    f"{JSON}/auth/login": "email password",
    f"{JSON}/auth/signup": "email password profile_username",
    f"{JSON}/auth/reauthenticate": "password",
    f"{JSON}/auth/password/request": "email",
    f"{JSON}/auth/password/reset": "key password",
    f"{JSON}/auth/email/verify": "key",
    f"{JSON}/auth/2fa/authenticate": "code",
    f"{JSON}/auth/2fa/reauthenticate": "code",
    f"{JSON}/account/email": "email primary",
    f"{JSON}/account/password/change": "current_password new_password",
    f"{JSON}/account/authenticators/totp": "code",
    "/api/v1/me": PROFILE,
    "/api/v1/me/avatar": "file",
    "/api/v1/me/keys": "name scopes expires_at",
    "/api/v1/me/notices/read": "ids",
    "/api/v1/me/notices/<uuid:pk>": "read",
    "/api/v1/tracks": f"{TRACK} {SOURCE}",
    "/api/v1/tracks/<uuid:pk>": TRACK,
    "/api/v1/tracks/<uuid:pk>/sections": f"results {SECTION}",
    "/api/v1/tracks/<uuid:pk>/sections/<uuid:part>": SECTION,
    "/api/v1/tracks/<uuid:pk>/credits": f"results {CREDIT}",
    "/api/v1/tracks/<uuid:pk>/credits/<uuid:part>": CREDIT,
    "/api/v1/tracks/<uuid:pk>/instruments": f"results {INSTRUMENT}",
    "/api/v1/tracks/<uuid:pk>/instruments/<uuid:part>": INSTRUMENT,
    "/api/v1/tracks/<uuid:pk>/samples": f"results {SAMPLE}",
    "/api/v1/tracks/<uuid:pk>/samples/<uuid:part>": SAMPLE,
    "/api/v1/changesets": "tracks filters operations title",
    "/api/v1/changesets/import": "file",
    "/api/v1/changesets/<uuid:pk>/undo": "leave_changed",
    "/api/v1/duplicates/<uuid:pk>/merge": "keep facts",
    "/api/v1/playlists": LIST,
    "/api/v1/playlists/import": "file format name playlist",
    "/api/v1/playlists/imports/<uuid:pk>/lines/<int:number>": "track_id ignored",
    "/api/v1/playlists/<uuid:pk>": LIST,
    "/api/v1/playlists/<uuid:pk>/cover": "file",
    "/api/v1/playlists/<uuid:pk>/entries": "track_id post_id position",
    "/api/v1/playlists/<uuid:pk>/entries/<uuid:entry_pk>": "position",
    "/api/v1/playlists/<uuid:pk>/members/<str:username>": "role",
    "/api/v1/tracks/<uuid:pk>/audio": "file",
    "/api/v1/uploads": f"file library is_pro_only {TRACK}",
    "/api/v1/uploads/tus": "",
    "/api/v1/uploads/tus/<uuid:pk>": "",
    "/api/v1/uploads/direct": "file_name content_type size_bytes sha256 checksums replaces library is_pro_only "
    f"{TRACK}",
    "/api/v1/uploads/<uuid:pk>/parts": "parts",
    "/api/v1/uploads/<uuid:pk>/complete": "parts",
    "/api/v1/archive/run": "track_id limit wait",
    "/api/v1/generations": f"provider provider_track_id {TRACK}",
    "/api/v1/hooks/<slug:provider>": "",
    "/api/v1/archive/tracks/<uuid:pk>/files": "kind file any_length",
    "/api/v1/posts": f"content track_id {OLD_POST}",
    "/api/v1/posts/<uuid:pk>": "content",
    "/api/v1/posts/<uuid:pk>/comments": "content parent_id",
    "/api/v1/comments/<uuid:pk>": "content",
    "/api/v1/posts/<uuid:pk>/report": "reason details",
    "/api/v1/posts/<uuid:pk>/hide": "reason",
    "/api/v1/posts/<uuid:pk>/restore": "reason",
    "/api/v1/comments/<uuid:pk>/report": "reason details",
    "/api/v1/comments/<uuid:pk>/hide": "reason",
    "/api/v1/comments/<uuid:pk>/restore": "reason",
    "/api/v1/moderation/reports/<uuid:pk>/dismiss": "reason",
}
# What an address takes, so that the names of the columns come beside something that is done.
WRITES = {
    "POST /sign-in": Write({"login": "ana@example.org", "password": PASSWORD}, ENTERS, who="anonymous"),
    "POST /sign-up": Write({**NEWCOMER, "password1": NEW}, COMES, who="anonymous"),
    "POST /reset-password": Write({"email": "ana@example.org"}, ("accounts_letter",), who="anonymous"),
    "POST /verify-email/<str:key>": Write({}, PROVES, case="confirm link", who="anonymous"),
    f"POST {JSON}/auth/email/verify": Write({}, PROVES, case="confirm key", who="anonymous", status=401),
    f"POST {JSON}/auth/password/reset": Write({}, ENDS, case="reset key", who="anonymous", status=401),
    "POST /account": Write(
        {"username": "ana", "bio": "Sent", "timezone": "UTC", "language": "en", "digest": "off"}, ("accounts_profile",)
    ),
    "POST /account/avatar": Write({"file": a_picture}, ("accounts_avatar",)),
    "POST /account/data": Write({"tracks": "library", "username": "ana", "password": PASSWORD}, GOES),
    "POST /account/confirm": Write({"password": PASSWORD}, ("accounts_session",)),
    "POST /account/email": Write(
        {"email": "ana-too@example.org", "action_add": ""},
        ("account_emailaddress", "accounts_letter", "accounts_session"),
    ),
    "POST /upload": Write({"file": a_file}, UPLOADS),
    "POST /tracks/<uuid:pk>/audio": Write({"file": a_file}, REPLACES, case="private"),
    "POST /tracks/<uuid:pk>/audio/<uuid:former_pk>/restore": Write({}, RESTORES, case="private former"),
    "POST /playlists": Write({"name": "Sent"}, ("playlists_playlist",)),
    "POST /playlists/import": Write({"file": a_list}, IMPORTS),
    "POST /playlists/imports/<uuid:pk>/lines/<int:number>": Write(
        {"ignored": "1"}, ("playlists_importline",), case="import"
    ),
    "POST /playlists/imports/<uuid:pk>/delete": Write({}, IMPORTS, case="import"),
    "POST /api/v1/playlists/import": Write({"file": a_list}, IMPORTS),
    "PATCH /api/v1/playlists/imports/<uuid:pk>/lines/<int:number>": Write(
        {"ignored": True}, ("playlists_importline",), case="import"
    ),
    "DELETE /api/v1/playlists/imports/<uuid:pk>": Write({}, IMPORTS, case="import"),
    "POST /playlists/add": Write({}, FILLS, case="private filled"),
    "POST /playlists/<uuid:pk>/edit": Write({"name": "Sent"}, ("playlists_playlist",), case="private playlist"),
    "POST /playlists/<uuid:pk>/cover": Write({"file": a_picture}, ("playlists_cover",), case="private playlist"),
    "POST /playlists/<uuid:pk>/members": Write({"username": "bob", "role": "viewer"}, JOINS, case="private playlist"),
    "POST /playlists/<uuid:pk>/entries/<uuid:entry_pk>/remove": Write({}, FILLS, case="private playlist"),
    "POST /account/keys": Write({"name": "laptop", "scopes": ["read"], "lifetime": "90"}, ("accounts_apikey",)),
    "POST /account/password": Write({"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}, CHANGES),
    "POST /feed": Write({"content": "Sent"}, ("social_post",)),
    "POST /posts/<uuid:pk>/edit": Write({"content": "Sent"}, ("social_post",), case="post"),
    "POST /posts/<uuid:pk>/like": Write({}, LIKES, case="post"),
    "POST /posts/<uuid:pk>/comments": Write({"content": "Sent"}, SAYS, case="post"),
    "POST /comments/<uuid:pk>/edit": Write({"content": "Sent"}, ("social_comment",), case="comment"),
    "POST /people/<str:username>/follow": Write({}, ("social_follow",), case="person", who="moderator"),
    "POST /api/v1/posts": Write({"content": "Sent"}, ("social_post",)),
    "PATCH /api/v1/posts/<uuid:pk>": Write({"content": "Sent"}, ("social_post",), case="post"),
    "DELETE /api/v1/posts/<uuid:pk>": Write({}, ("social_post",), case="post"),
    "PUT /api/v1/posts/<uuid:pk>/like": Write({}, LIKES, case="post"),
    "POST /api/v1/posts/<uuid:pk>/comments": Write({"content": "Sent"}, SAYS, case="post"),
    "PATCH /api/v1/comments/<uuid:pk>": Write({"content": "Sent"}, ("social_comment",), case="comment"),
    "DELETE /api/v1/comments/<uuid:pk>": Write({}, SAYS, case="comment"),
    "POST /posts/<uuid:pk>/report": Write({"reason": "spam"}, ("social_report",), case="post", who="moderator"),
    "POST /api/v1/posts/<uuid:pk>/report": Write({"reason": "spam"}, ("social_report",), case="post", who="moderator"),
    "POST /api/v1/posts/<uuid:pk>/hide": Write({"reason": "Sent"}, HIDES, case="post", who="moderator"),
    "POST /comments/<uuid:pk>/report": Write({"reason": "spam"}, ("social_report",), case="comment", who="moderator"),
    "POST /api/v1/comments/<uuid:pk>/report": Write(
        {"reason": "spam"}, ("social_report",), case="comment", who="moderator"
    ),
    "POST /api/v1/comments/<uuid:pk>/hide": Write({"reason": "Sent"}, HIDES, case="comment", who="moderator"),
    "POST /api/v1/posts/<uuid:pk>/restore": Write({"reason": "Sent"}, HIDES, case="hidden post", who="moderator"),
    "POST /api/v1/moderation/reports/<uuid:pk>/dismiss": Write(
        {"reason": "Sent"}, ("social_decision", "social_report"), case="report", who="moderator"
    ),
    "PUT /api/v1/users/<str:username>/follow": Write({}, ("social_follow",), case="person", who="moderator"),
    f"POST {JSON}/auth/login": Write({"email": "ana@example.org", "password": PASSWORD}, ENTERS, who="anonymous"),
    f"POST {JSON}/auth/signup": Write({**NEWCOMER, "password": NEW}, COMES, who="anonymous", status=401),
    f"POST {JSON}/auth/reauthenticate": Write({"password": PASSWORD}, ("accounts_session",)),
    f"POST {JSON}/auth/password/request": Write({"email": "ana@example.org"}, ("accounts_letter",), who="anonymous"),
    f"POST {JSON}/account/email": Write({"email": "ana-too@example.org"}, ("account_emailaddress", "accounts_letter")),
    f"POST {JSON}/account/password/change": Write({"current_password": PASSWORD, "new_password": NEW}, CHANGES),
    "PATCH /api/v1/me": Write({"display_name": "Ana B."}, ("accounts_profile",)),
    "DELETE /api/v1/me": Write({"tracks": "remove", "password": PASSWORD}, GOES),
    "PUT /api/v1/me/avatar": Write({"file": a_picture}, ("accounts_avatar",)),
    "POST /api/v1/me/keys": Write({"name": "laptop", "scopes": ["read"]}, ("accounts_apikey",)),
    "POST /api/v1/me/notices/read": Write({}, ("accounts_notice",)),
    "PATCH /api/v1/me/notices/<uuid:pk>": Write({"read": True}, ("accounts_notice",), case="notice"),
    "POST /api/v1/tracks": Write(SONG, ("catalog_track", "catalog_providersource", "catalog_change")),
    "PATCH /api/v1/tracks/<uuid:pk>": Write({"genre": "Sent"}, ("catalog_track", "catalog_change"), case="private"),
    "POST /api/v1/tracks/<uuid:pk>/plays": Write({}, ("catalog_play",), case="public", who="anonymous"),
    "POST /api/v1/changesets": Write(
        {"filters": {"kind": "uploaded"}, "operations": [{"do": "set", "field": "genre", "value": "Sent"}]},
        ("catalog_changeset",),
        who="moderator",
    ),
    "POST /api/v1/changesets/import": Write({"file": a_table}, ("catalog_blob", "catalog_changeset"), who="moderator"),
    "POST /api/v1/changesets/<uuid:pk>/preview": Write({}, ("catalog_changeset",), case="changeset", who="moderator"),
    "POST /api/v1/changesets/<uuid:pk>/discard": Write({}, ("catalog_changeset",), case="changeset", who="moderator"),
    "POST /api/v1/duplicates/<uuid:pk>/dismiss": Write({}, ("catalog_duplicate",), case="duplicate", who="moderator"),
    "POST /api/v1/playlists": Write({"name": "Sent"}, ("playlists_playlist",)),
    "PATCH /api/v1/playlists/<uuid:pk>": Write({"name": "Sent"}, ("playlists_playlist",), case="private playlist"),
    "PUT /api/v1/playlists/<uuid:pk>/cover": Write({"file": a_picture}, ("playlists_cover",), case="private playlist"),
    "POST /api/v1/playlists/<uuid:pk>/entries": Write({}, FILLS, case="private filled"),
    "DELETE /api/v1/playlists/<uuid:pk>/entries/<uuid:entry_pk>": Write({}, FILLS, case="private playlist"),
    "PUT /api/v1/playlists/<uuid:pk>/members/<str:username>": Write(
        {"role": "editor"}, ("playlists_member",), case="private playlist"
    ),
    "POST /api/v1/tracks/<uuid:pk>/audio": Write({"file": a_file}, REPLACES, case="private"),
    "POST /api/v1/tracks/<uuid:pk>/former-audio/<uuid:former_pk>/restore": Write({}, RESTORES, case="private former"),
    "POST /api/v1/uploads": Write({"file": a_file}, UPLOADS),
    "POST /api/v1/archive/run": Write({"wait": 0}, RUNS, case="run secret"),
}


def of_parts(kind: str, sends: dict, changes: dict) -> dict[str, Write]:
    """The four writes of one kind of part; with it go the track's search vector and verdict."""
    route, one = f"/api/v1/tracks/<uuid:pk>/{kind}", kind.removesuffix("s")
    tables = (f"catalog_{one}", "catalog_change", "catalog_track")
    return {
        f"PUT {route}": Write({"results": [sends]}, tables, case="private"),
        f"POST {route}": Write(sends, tables, case="private"),
        f"PATCH {route}/<uuid:part>": Write(changes, tables, case=f"private {one}"),
        f"DELETE {route}/<uuid:part>": Write({}, tables, case=f"private {one}"),
    }


WRITES |= of_parts("sections", {"section": "verse", "startTime": 0.5, "endTime": 1}, {"description": "Sent"})
WRITES |= of_parts("credits", {"name": "Sent", "role": "producer"}, {"split": 10})
WRITES |= of_parts("instruments", {"category": "drums"}, {"type": "Sent"})
WRITES |= of_parts("samples", {"pack_name": "Sent"}, {"is_cleared": True})


def names_of_columns() -> dict[str, models.Field]:
    """Every field of every model that has a table here, by its name and by its column's."""
    fields = [f for model in apps.get_models() for f in model._meta.concrete_fields]
    return {name: f for f in fields for name in (f.name, f.attname)}


def worst(column: models.Field, victim: User) -> object:
    """What somebody would like to see in that column."""
    if column.choices:
        return column.choices[-1][0]
    if column.is_relation:
        return str(victim.pk)
    match column:
        case models.BooleanField():
            return not column.get_default()
        case models.DateTimeField():
            return "2031-02-03T04:05:06Z"
        case models.DateField():
            return "2031-02-03"
        case models.UUIDField():
            return str(victim.pk)
        case models.EmailField():
            return "thief@example.org"
        case models.IntegerField() | models.FloatField() | models.DecimalField():
            return 4242
        case models.JSONField():
            return ["admin", "thief"]
    return f"thief-{column.name}"[: column.max_length or 100]


def everything(victim: User) -> dict[str, object]:
    return {**{name: worst(column, victim) for name, column in names_of_columns().items()}, **WORTH_A_TRY}


def stored() -> set[tuple[str, str]]:
    """Every row of the database: its table and itself as JSON."""
    tables = sorted(connection.introspection.table_names())
    parts = (f"SELECT '{name}', to_jsonb(t)::text FROM \"{name}\" t" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return set(cursor.fetchall())


Change = tuple[str, str, dict]  # table, whether the row came or went, the row


def changes(client: Client, method: str, path: str, body: dict, before: set) -> tuple[int, list[Change]]:
    """What one request answers and does, which is then undone."""
    cookies, body = copy(client.cookies), {name: value() if callable(value) else value for name, value in body.items()}
    with transaction.atomic():
        status = send(client, method, path, body).status_code
        after = stored()
        transaction.set_rollback(True)
    client.cookies = cookies
    found = [*(("went", *row) for row in before - after), *(("came", *row) for row in after - before)]
    told = [(name, how, told_of(name, row)) for how, name, row in found]
    return status, sorted(told, key=lambda change: (change[1], change[0], json.dumps(change[2])))


def told_of(table: str, row: str) -> dict:
    """The row, but of the history not the order in which one statement wrote it."""
    columns = json.loads(row)
    return {c: v for c, v in columns.items() if table != "catalog_change" or c not in ("id", "at", "xid")}


def harm(plain: list[Change], again: list[Change], laden: list[Change], sent: set[str]) -> Iterator[str]:
    """Where the laden request did something else than the plain one, beyond what differs by itself."""
    nothing = ("nothing", "", {})
    for one, other, third in zip_longest(plain, again, laden, fillvalue=nothing):
        if one[:2] != third[:2]:
            yield f"{third[0]}: a row {third[1]}, where {one[0]} {one[1]}"
            continue
        for column, value in third[2].items():
            own = one[2][column] != other[2].get(column)
            if value != one[2][column] and not (own and str(value) not in sent):
                yield f"{third[0]}.{column} is {value!r}, not {one[2][column]!r}"


def writes() -> dict[str, Write]:
    """Every address with every method that writes: as declared, else with an empty body."""
    first = {row.route: row for row in reversed(table()) if not row.route.startswith(ADMIN)}
    found = {f"{method} {row.route}": Write({}, case=row.case) for row in first.values() for method in WRITING}
    return {**found, **WRITES}


def tried(client: Client, name: str, write: Write, cases: dict[str, Case], junk: dict, before: set) -> list[str]:
    """What went wrong at one address."""
    method, _, route = name.partition(" ")
    case = cases[write.case]
    path, body = filled(route, case.values), {**case.body, **write.sends}
    status, plain = changes(client, method, path, body, before)
    if status == 405:
        return []
    _, again = changes(client, method, path, body, before)
    beside = {key: value for key, value in junk.items() if key not in {*TAKES.get(route, "").split(), *body}}
    got, laden = changes(client, method, path, {**beside, **body}, before)
    found = list(harm(plain, again, laden, {str(value) for value in junk.values() if len(str(value)) > 3}))
    found += [f"answers {got}, not {status}"] if got != status else []
    if name in WRITES:
        found += [f"{status} for what it should take"] if status >= 400 and status != write.status else []
        found += [f"writes {table}" for table in sorted({table for table, _, _ in plain} - set(write.changes))]
    return found


@pytest.fixture
def world(monkeypatch):
    # On a slow machine a session would be told of in the midst of it, and at another address each time.
    monkeypatch.setattr(sessions, "GRAIN", dt.timedelta(days=1))
    people = make_people()
    victim = people["stranger"]
    make_key(victim)
    make_track(victim, is_public=False)
    clients = {who: sign_in(people[who]) for who in ("anonymous", "owner", "moderator")}
    junk = everything(victim) | {"id": str(victim.tracks.get().pk), "role": "admin"}
    return clients, make_cases(people["owner"]), junk


@pytest.mark.parametrize("door", ["api", "pages"])
def test_the_names_of_all_columns_change_nothing(world, door):
    clients, cases, junk = world
    before, wrong = stored(), {}
    for name, write in writes().items():
        if (API in name) == (door == "api"):
            wrong[name] = tried(clients[write.who], name, write, cases, junk, before)
    said = [f"{name}: {what}" for name, found in wrong.items() for what in found]
    assert not said, "\n".join(said)
    assert len(wrong) > 20


def test_the_api_takes_the_names_that_are_declared_here():
    """A column that somebody opens for writing is seen here, and asked about."""
    taken = {}
    schema = SchemaGenerator().get_schema(request=None, public=True)
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for kind in operation.get("requestBody", {}).get("content", {}).values():
                taken.setdefault(path, set()).update(names(kind["schema"], schema))
    said = {re.sub(r"<\w+:(\w+)>", "{}", route): set(names.split()) for route, names in TAKES.items() if API in route}
    assert {re.sub(r"{\w+}", "{}", path): names for path, names in taken.items()} == said


def names(shape: dict, schema: dict) -> set[str]:
    """The properties of a body's shape, followed through its references."""
    if "$ref" in shape:
        shape = schema["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    return set(shape.get("properties", {}))
