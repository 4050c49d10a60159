"""A small world with one row of everything that has an address: Ana owns it, Bob is a stranger, mod and boss are staff."""

import hashlib
import json
from copy import copy
from dataclasses import dataclass

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from apps.accounts import digests, notices
from apps.accounts.models import ApiKey, Avatar, Notice, Session, User
from apps.accounts.roles import Role
from apps.archive import schedule
from apps.archive.models import Manifest, Order
from apps.catalog import files
from apps.catalog.models import Blob, Credit, Duplicate, FormerFile, Instrument, Sample, Section, Track
from apps.lib import links, storage
from apps.playlists import members
from apps.playlists.models import Cover
from apps.social import moderation
from apps.social.models import Post
from config.limits import of_files
from tests.doors.desk import (
    make_changeset,
    make_coming,
    make_folder,
    make_import,
    make_refused,
    make_verification,
)
from tests.doors.matrix import FOR_PROGRAMS
from tests.make import (
    PASSWORD,
    make_comment,
    make_generated,
    make_key,
    make_playlist,
    make_post,
    make_track,
    make_user,
)

# An address of the documentation's range that no other test comes from: what counts by address counts here alone.
SOMEWHERE = "203.0.113.77"
ROLES = {"moderator": [Role.MODERATOR], "admin": [Role.ADMIN]}
MUSIC = b"not really music, and nobody looks" * 10


def make_people() -> dict[str, User | None]:
    names = {"owner": "ana", "stranger": "bob", "moderator": "mod", "admin": "boss"}
    made = {who: make_user(name, roles=ROLES.get(who, ())) for who, name in names.items()}
    return {"anonymous": None, **made}


def make_with_files(owner: User, **facts) -> Track:
    """A track that has one file of each role, with bytes that nobody decodes."""
    track, stored = make_track(owner, duration_ms=1000, **facts), storage.put_bytes(MUSIC)
    known = {"key": stored.key, "size": stored.size, "mime": "audio/mpeg", "extension": "mp3"}
    blob, _ = Blob.objects.get_or_create(sha256=stored.sha256, defaults=known)
    for role in ("original", "audio", "preview", "cover", "video", "waveform"):
        length = {"duration_ms": 1000} if role in ("original", "audio", "preview") else {}
        files.attach(track=track, role=role, blob=blob, **length)
    return track


def make_parts(track: Track, word: str) -> dict[str, dict]:
    """One part of each kind; what stands in their addresses, as `private section`."""
    of = {
        "section": Section(track=track, name="intro", start_ms=0, end_ms=500),
        "credit": Credit(track=track, name="Ana", role="composer", contact_email="ana@example.org"),
        "instrument": Instrument(track=track, category="synth"),
        "sample": Sample(track=track, pack_name="Breaks"),
    }
    for part in of.values():
        part.save()
    return {f"{word} {name}": {"pk": track.pk, "part": part.pk} for name, part in of.items()}


def make_former(track: Track, word: str) -> dict[str, dict]:
    """An original that another took the place of."""
    stored = storage.put_bytes(2 * MUSIC)
    known = {"key": stored.key, "size": stored.size, "mime": "audio/mpeg", "extension": "mp3"}
    blob, _ = Blob.objects.get_or_create(sha256=stored.sha256, defaults=known)
    former = FormerFile.objects.create(track=track, blob=blob, duration_ms=2000)
    return {f"{word} former": {"pk": track.pk, "former_pk": former.pk}}


def make_pair(owner: User) -> Duplicate:
    """Two tracks that may be one."""
    first, second = (make_track(owner, duration_ms=1000) for _ in range(2))
    return Duplicate.objects.create(first=first, second=second, reasons=["near"], likeness="0.9")


def make_archived(owner: User) -> dict[str, dict]:
    """A generated track, its asset, and an order over it."""
    track = make_generated(owner)
    schedule.plan_tracks([track])
    asset = track.archive_assets.get()
    order = Order.objects.create(verb="retry", assets=[asset.pk], total=1, next_at=asset.next_at)
    return {name: {"pk": row.pk} for name, row in (("generated", track), ("asset", asset), ("order", order))}


@dataclass(frozen=True)
class Case:
    """What stands in an address, and what is sent to it."""

    values: dict
    body: dict


def make_cases(owner: User) -> dict[str, Case]:
    """By the word in brackets of a row."""
    tracks = {"public": make_with_files(owner), "pro-only": make_with_files(owner, is_pro_only=True)}
    token = links.signed_path(storage.put_bytes(MUSIC).key, 300).rpartition("/")[2]
    picture = Avatar.objects.create(user=owner, image=MUSIC, sha256=hashlib.sha256(MUSIC).hexdigest())
    of = {
        "avatar": {"sha256": picture.sha256},
        "blob": {"token": token},
        "changeset": {"pk": make_changeset(tracks["public"], "Techno").pk},
        "closed day": {"day": make_closed_day().day},
        "verification": {"pk": make_verification("a line").pk},
        "folder import": {"pk": make_folder(owner, "folder").pk},
        **make_archived(owner),
        "duplicate": {"pk": make_pair(owner).pk},
        "digest": {"token": digests.off_path(owner.profile).rpartition("/")[2]},
        **{name: {"pk": track.pk} for name, track in tracks.items()},
        **make_parts(tracks["public"], "public"),
        **make_former(tracks["public"], "public"),
    }
    cases = {name: Case(values, {}) for name, values in of.items()}
    cases |= make_list(owner, "public")
    cases |= make_said(owner, tracks["public"])
    return {**make_secrets(owner), **make_links(owner), **cases, "run generated": _run_of(make_generated(owner))}


def make_closed_day() -> Manifest:
    """With bytes that nobody reads as one."""
    stored = storage.put_bytes(MUSIC)
    held, _ = Blob.objects.get_or_create(sha256=stored.sha256, defaults={"key": stored.key, "size": stored.size})
    return Manifest.objects.create(day="2026-01-31", sha256=held.sha256, entries=0, blob=held)


def make_said(owner: User, track: Track) -> dict[str, Case]:
    """A post that shows a track and was reported, and a comment below it."""
    post = make_post(owner, "Listen", track=track)
    report = moderation.report(said=post, by=make_user(), reason="spam")
    rows = {"post": post, "comment": make_comment(post, owner), "report": report}
    return {name: Case({"pk": row.pk}, {}) for name, row in rows.items()}


def make_hidden(owner: User) -> dict[str, Case]:
    """What moderators hid, and what was said below it."""
    post = make_post(owner, "Hidden words")
    comment = make_comment(post, owner, "Hidden with it")
    Post.machine.move(post, "hidden")
    return {"hidden post": Case({"pk": post.pk}, {}), "hidden comment": Case({"pk": comment.pk}, {})}


def make_list(owner: User, word: str) -> dict[str, Case]:
    """A private or a public playlist with a track, a cover and a member, and what may be added to it."""
    public = word == "public"
    playlist = make_playlist(owner, make_track(owner, is_public=public), is_public=public)
    Cover.objects.create(playlist=playlist, image=MUSIC, sha256=hashlib.sha256(MUSIC).hexdigest())
    member = make_user()
    members.put(playlist=playlist, username=member.profile.username, role="viewer")
    values = {"pk": playlist.pk, "entry_pk": playlist.entries.get().pk, "username": member.profile.username}
    new = {"track_id": str(make_track(owner, is_public=public).pk), "playlist": str(playlist.pk)}
    return {
        f"{word} playlist": Case(values, {}),
        f"{word} moved": Case(values, {"position": 0}),
        f"{word} filled": Case(values, new),
    }


def make_links(owner: User) -> dict[str, Case]:
    """What letters to the owner hold: whoever has it may use it."""
    another = EmailAddress.objects.create(user=owner, email=f"new-{owner.email}", verified=False)
    confirm, uid = EmailConfirmationHMAC(another).key, user_pk_to_url_str(owner)
    reset = default_token_generator.make_token(User.objects.get(pk=owner.pk))  # who has signed in meanwhile
    return {
        "confirm link": Case({"key": confirm}, {}),
        "confirm key": Case({}, {"key": confirm}),
        "reset link": Case({"uidb36": uid, "key": reset}, {}),
        "reset key": Case({}, {"key": f"{uid}-{reset}", "password": "another horse battery"}),
    }


def make_secrets(owner: User) -> dict[str, Case]:
    """The cases of rows that nobody else may know of, and those of none."""
    make_key(owner)
    sign_in(owner)
    private = make_with_files(owner, is_public=False)
    notices.tell(user=owner, kind="archive.lost", subject="1", title="A track was lost", message="It is gone.")
    of = {
        "": {},
        "admin": {"content_type_id": 0, "object_id": 0, "app_label": "catalog", "url": "nowhere"},
        "forged": {"token": "forged", "key": "forged", "uidb36": "1"},
        "key": {"pk": ApiKey.objects.get(user=owner).pk},
        "notice": {"pk": Notice.objects.get(user=owner).pk},
        "person": {"username": owner.profile.username},
        "private": {"pk": private.pk},
        **make_parts(private, "private"),
        **make_former(private, "private"),
        "session": {"pk": Session.objects.filter(user=owner).latest("created_at").id},
        "upload": {"pk": make_refused(owner).pk},
        "coming in": {"pk": make_coming(owner).pk},
        "direct upload": {"pk": make_refused(owner, way="direct").pk},
        "import": {"pk": make_import(owner).pk, "number": 1},
    }
    cases = {name: Case(values, {}) for name, values in of.items()}
    return {
        **cases,
        **make_list(owner, "private"),
        **make_hidden(owner),
        "leave": Case({}, {"password": PASSWORD, "tracks": "library"}),
        "leave as owner": Case({}, {"password": PASSWORD, "tracks": "library", "username": owner.profile.username}),
        "run due": Case({}, {"wait": 0}),
        "suno": Case({"provider": "suno"}, {}),
        "run secret": _run_of(make_generated(owner, is_public=False)),
    }


def _run_of(track: Track) -> Case:
    return Case({}, {"track_id": str(track.pk), "wait": 0})


def sign_in(user: User | None) -> Client:
    """A browser in which this person has just said the password, twice; None is nobody's."""
    client = Client(raise_request_exception=False, REMOTE_ADDR=SOMEWHERE)
    if user is not None:
        entered = client.post("/sign-in", {"login": user.email, "password": PASSWORD})
        confirmed = client.post("/account/confirm", {"password": PASSWORD})
        assert (entered.status_code, confirmed.status_code) == (302, 302)
    return client


def ask(client: Client, method: str, path: str, body: dict | None = None, **headers) -> HttpResponse:
    """One request after which the database and the browser are as they were."""
    cookies = copy(client.cookies)
    with transaction.atomic():
        answer = send(client, method, path, body or {}, headers)
        transaction.set_rollback(True)
    client.cookies = cookies
    return answer


def send(client: Client, method: str, path: str, body: dict, headers: dict | None = None) -> HttpResponse:
    """One request, JSON where programs ask, else a form; and its answer, read to the end."""
    data, kind = "", "text/plain"
    if method not in ("GET", "HEAD"):
        as_json = path.startswith(FOR_PROGRAMS) and not of_files(path)
        data = json.dumps(body) if as_json else encode_multipart(BOUNDARY, _as_fields(body))
        kind = "application/json" if as_json else MULTIPART_CONTENT
    answer = client.generic(method, path, data, kind, headers=headers)
    answer.said = b"".join(answer) if answer.streaming else answer.content
    return answer


def _as_fields(body: dict) -> dict:
    """What a form can hold."""
    return {name: json.dumps(value) if isinstance(value, dict | None) else value for name, value in body.items()}


def word(answer: HttpResponse) -> str:
    """How the table says it: a status, or `in` for the way to the sign-in."""
    there = answer.headers.get("Location", "").partition("?")[0]
    return "in" if answer.status_code == 302 and there in ("/sign-in", "/admin/login/") else str(answer.status_code)
