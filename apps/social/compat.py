"""How programs of the old shape go on (S0-37, S0-38, decision 0049). All of it goes in v2.0.

A post told its file itself, in five `audio_` fields; lists had numbered pages; a playlist was filled with posts. Every
such use is answered from what there is now, noted, and told to its program by `Deprecation` and `Sunset`.
"""

import datetime as dt
import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, QuerySet, Sum
from django.urls import Resolver404, resolve
from django.utils import timezone

from apps.accounts.models import Profile, User
from apps.catalog import actions as catalog
from apps.catalog import cards
from apps.catalog.models import Provider, Track
from apps.lib.errors import NotFound, Refusal
from apps.lib.shape import ID, TEXT, WHOLE, Field, Shape, or_null, run, within
from apps.social import actions, shape
from apps.social.models import DeprecatedUse, Post
from apps.social.oldshape import KEPT_UNTIL, LONGEST_TITLE, LONGEST_URL, PROVIDER

log = logging.getLogger(__name__)

SINCE = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
KEPT = dt.timedelta(days=90)
# What was seen → what to do instead.
INSTEAD = {
    "shape": "Read `track` of a post in place of `audio_…`, and leave `shape=old` out.",
    "page": "Follow `next` in place of counting pages.",
    "user": "Name the `author` by username.",
    "audio_url": "Upload the file, then post its `track_id`.",
    "post_type": "Leave `post_type` out: a post with a `track_id` is an audio post.",
    "post_as_track": "Add the track by its own id, or the post as `post_id`.",
}

# --- What is told -------------------------------------------------------------------------------------------------
_TEXT_POST = "social_post.track_id IS NULL"
# Of a post that shows no track: what its old columns say while they are there, then what was kept of them. Not what
# the database wrote there of a track of this site, whose address has no host.
_OLD = f"""LEFT JOIN LATERAL (
    SELECT coalesce((SELECT mended FROM social_postmove WHERE post_id = social_post.id), '{{}}')
        || jsonb_strip_nulls(to_jsonb(social_post)) AS said
) AS old ON {_TEXT_POST} AND left(old.said ->> 'audio_url', 1) IS DISTINCT FROM '/'"""


def _audio(name: str, new: str, old: str, schema: dict, help: str) -> Field:
    """The track's own fact; where there is no track the old column; of a hidden track nothing."""
    sql = f"CASE WHEN {_TEXT_POST} THEN {old} ELSE {new} END"
    return Field(name, sql, {**schema, "deprecated": True}, ("old",), help)


FIELDS = (
    _audio(
        "audio_url", "coalesce(shown.card::json ->> 'file_url', '')",
        "coalesce(substring(old.said ->> 'audio_url' from '^https?://.*'), '')", TEXT,
        "`track.file_url`; empty where there is none for you.",
    ),
    _audio(
        "audio_filename", "coalesce(shown.card::json ->> 'title', 'Audio Track')",
        "coalesce(nullif(old.said ->> 'audio_filename', ''), 'Audio Track')", TEXT, "`track.title`",
    ),
    _audio(
        "audio_duration", "round((shown.card::json ->> 'duration_ms')::numeric / 1000)::bigint",
        "nullif((old.said ->> 'audio_duration')::bigint, 0)", or_null(WHOLE), "`track.duration`, in whole seconds",
    ),
    _audio(
        "audio_file_size", "(shown.card::json ->> 'file_size')::bigint", "(old.said ->> 'audio_file_size')::bigint",
        or_null(WHOLE), "`track.file_size`",
    ),
    _audio(
        "audio_mime_type", "shown.card::json ->> 'mime_type'", "old.said ->> 'audio_mime_type'", or_null(TEXT),
        "`track.mime_type`",
    ),
    Field("user_id", "social_post.author_id", {**or_null(ID), "deprecated": True}, help="`author.id`"),
    Field(
        "profile", lambda: cards.person("social_post.author_id"),
        {**or_null(cards.PERSON_SCHEMA), "deprecated": True}, ("author",), "`author`",
    ),
)  # fmt: skip
NAMES = frozenset(each.name for each in FIELDS)
SHAPE = Shape(root=shape.ROOT, sources={**shape.SOURCES, "old": _OLD}, fields=(*shape.FIELDS, *FIELDS), expands={})


def schema() -> dict:
    """Of a post, with the old fields, which are there when they are asked for."""
    told = shape.SHAPE.schema()
    return {**told, "properties": {**told["properties"], **{each.name: each.described() for each in FIELDS}}}


def chosen(said: str | None, fields: frozenset[str] | None) -> frozenset[str] | None:
    """`shape=old` asks for everything and the old fields. Refusal: INVALID for another shape."""
    if said not in (None, "", "old"):
        raise _refused("shape", "shape: old, or leave it out.")
    fields = SHAPE.names if said and fields is None else fields
    if fields and fields & NAMES:
        note("shape")
    return fields


def read(ids: Iterable[UUID], *, fields: frozenset[str] | None, expand: frozenset[str], viewer, base: str) -> list[str]:
    """As `shape.read`, also with fields of the old shape."""
    if not fields or not fields & NAMES:
        return shape.read(ids, fields=fields, expand=expand, viewer=viewer, base=base)
    ids, wanted = list(ids), None if "track" in expand else shape.CARD
    tracks, values = cards.embedded(shape.OF_POSTS, [ids], viewer=viewer, base=base, fields=wanted)
    return run(SHAPE.statement(fields, frozenset(), tracks=tracks), [ids, *values, within(base), viewer.pk])


# --- What is asked ------------------------------------------------------------------------------------------------
def author(user: str) -> str:
    """The username of whom `user` names, by id or username; NotFound for an id of nobody."""
    if not user:
        return ""
    note("user")
    try:
        key = UUID(user)
    except ValueError:
        return user
    name = Profile.objects.filter(user=key).values_list("username", flat=True).first()
    if name is None:
        raise NotFound
    return name


def track_of(user, key: UUID) -> UUID:
    """A playlist's `track_id` was a post's: the track of such a post, or the key as it is."""
    if Track.objects.filter(pk=key).exists():
        return key
    posts = Post.objects.visible_to(user).filter(pk=key, track__isnull=False)
    track = posts.values_list("track_id", flat=True).first()
    if track:
        note("post_as_track")
    return track or key


# --- What is written ----------------------------------------------------------------------------------------------
@transaction.atomic
def publish(*, author: User, site: str, content: str = "", track_id: UUID | None = None, **old) -> Post:
    """`actions.publish`, also of a file that is named by its address: of a track here, or of the old store.

    `old` is of post_type, audio_url, audio_filename and audio_duration; what else was said of a file is measured.
    Refusals also: INVALID 400 (what contradicts itself), URL_REFUSED 400 (a host that old files do not come from).
    """
    kind, url = old.get("post_type"), (old.get("audio_url") or "").strip()
    if kind:
        note("post_type")
    if url:
        note("audio_url")
        if track_id or kind == "text":
            raise _refused("audio_url", "An audio post names one track: by track_id, or by audio_url.")
        track_id = _here(url, site) or _brought(author, url, content, old)
    if kind and kind not in Post.Type.values:
        raise _refused("post_type", f"post_type: {' or '.join(Post.Type.values)}.")
    if kind and (kind == "audio") != bool(track_id):
        raise _refused("post_type", "A text post has no track, and an audio post has one.")
    return actions.publish(author=author, content=content, track_id=track_id)


def _here(url: str, site: str) -> UUID | None:
    """The track of this site that an address plays or shows; None for an address elsewhere."""
    try:
        parts = urlsplit(url)
        ours = {"", *(urlsplit(origin).netloc.lower() for origin in (site, settings.SITE_URL))}
        if parts.netloc.lower() not in ours:
            return None
        found = resolve(parts.path)
    except (ValueError, Resolver404) as unknown:
        raise _refused("audio_url", "This is the address of no track.") from unknown
    if found.url_name not in ("track-stream", "track-preview", "track", "track-page"):
        raise _refused("audio_url", "This is the address of no track.")
    return found.kwargs["pk"]


def _brought(author: User, url: str, content: str, old: dict) -> UUID:
    """A track of the file, as the move made them: one for each file of a person, whoever posts it how often."""
    theirs = Track.objects.live().of(author).filter(source__provider=PROVIDER, source__audio_url=url)
    if known := theirs.order_by("created_at", "pk").values_list("pk", flat=True).first():
        return known
    if len(url) > LONGEST_URL:
        raise _refused("audio_url", f"An address has {LONGEST_URL:,} characters at most.")
    if not Provider.objects.filter(pk=PROVIDER).exists():
        raise _refused("audio_url", "Files come in by /uploads. Upload it, then post its track_id.", code="URL_REFUSED")
    seconds, title = old.get("audio_duration"), (old.get("audio_filename") or "").strip()[:LONGEST_TITLE].strip()
    track, _ = catalog.register_generated(
        owner=author,
        kind=Track.Kind.UPLOADED,
        provider=PROVIDER,
        provider_track_id=hashlib.sha256(url.encode()).hexdigest(),
        title=title or f"Audio Track - {timezone.now():%Y-%m-%d}",
        audio_url=url,
        expires_at=KEPT_UNTIL,
        description=content.strip(),
        is_public=True,
        duration_ms=seconds * 1000 if seconds else None,
    )
    return Track.objects.successor(author, track.pk) or track.pk


def _refused(field: str, message: str, code: str = "INVALID") -> Refusal:
    return Refusal(code, message, fields={field: [message]})


# --- Who is left --------------------------------------------------------------------------------------------------
_noted: ContextVar[set[str] | None] = ContextVar("noted", default=None)
# In one order, so that two never wait for each other; and nobody waits for the disk: a crash may cost a count.
COUNT = """
INSERT INTO social_deprecateduse (user_id, key_id, network, day, what, count)
SELECT %s, %s, %s, %s, what, 1
FROM unnest(%s::text[]) AS what, (SELECT set_config('synchronous_commit', 'off', true)) AS quick ORDER BY what
ON CONFLICT (day, what, user_id, key_id, network) DO UPDATE SET count = social_deprecateduse.count + 1
RETURNING what, count"""


def note(what: str) -> None:
    """Something of INSTEAD is used; told and counted by who listens."""
    noted = _noted.get()
    if noted is not None:
        noted.add(what)


@contextmanager
def listening() -> Iterator[set[str]]:
    """The set fills with what is noted in the block."""
    noted: set[str] = set()
    before = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(before)


def count(whats: Iterable[str], *, user=None, key=None, network: str = "", now: dt.datetime | None = None) -> None:
    """One more use of each today, by a key, else a person, else a visitor's network. The day's first one is logged."""
    known = user is not None and user.is_authenticated
    who = (user.pk, key and key.pk, "") if known else (None, None, network)
    day = (now or timezone.now()).astimezone(dt.UTC).date()
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [*who, day, sorted(whats)])
        counted = cursor.fetchall()
    subject = f"key {key.pk}" if known and key else f"person {user.pk}" if known else network
    for what, times in counted:
        if times == 1 or settings.DEBUG:
            log.warning("deprecated use of %s by %s: %s", what, subject, INSTEAD[what])


def left(*, since: dt.date) -> QuerySet:
    """Who used what since that day: rows of user, key, network and what, with `uses` and the `last` day."""
    rows = DeprecatedUse.objects.filter(day__gte=since).values("user__email", "key__name", "key_id", "network", "what")
    return rows.annotate(uses=Sum("count"), last=Max("day")).order_by("-last", "what", "-uses")


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop what is older than KEPT; returns how many rows."""
    return DeprecatedUse.objects.filter(day__lt=((now or timezone.now()) - KEPT).date()).delete()[0]
