"""What can be done with tracks. A row handed in was fetched through `editable_by(by)`; `by` is who does it."""

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from apps.catalog import clearance, files, history, identifiers, providers, releasing, vocabulary
from apps.catalog.models import (
    Credit,
    FormerFile,
    Instrument,
    Play,
    PlayDay,
    ProviderSource,
    Sample,
    Section,
    Track,
    TrackFile,
)
from apps.lib import clock
from apps.lib.errors import NotFound, Refusal
from apps.lib.text import is_blank

WORDS = ("title", "artist", "description", "genre", "subgenre", "catalog_number", "isrc")
SOURCE_URLS = ("audio_url", "cover_url", "video_url")


def create(
    *, owner, kind: str, title: str, by=None, ready: bool = False, kept_until: dt.datetime | None = None, **facts
) -> Track:
    """A track whose bytes are not here yet. It is its owner's doing, or `by`'s for the house's library.

    It is `ready` when its provider has them, until `kept_until`.
    """
    facts = vocabulary.canonical(identifiers.clean(facts))
    verdict = clearance.of_new(facts, kept_until=kept_until)
    track = Track(owner=owner, kind=kind, title=clean_title(title), **facts, **verdict)
    with history.said(by=by or owner):
        Track.machine.insert(track, "ready" if ready else "pending")
    return track


def clean_title(title: str) -> str:
    """S0-06: not blank, at most 255 characters after trimming."""
    title = title.strip()
    if is_blank(title) or len(title) > 255:
        message = "A title has 1 to 255 characters."
        raise Refusal("INVALID", message, fields={"title": [message]})
    return title


def register_generated(
    *,
    owner,
    provider: str,
    provider_track_id: str,
    title: str,
    kind: str = Track.Kind.GENERATED,
    generated_at: dt.datetime | None = None,
    expires_at: dt.datetime | None = None,
    audio_url: str,
    cover_url: str = "",
    video_url: str = "",
    **facts,
) -> tuple[Track, bool]:
    """A finished generation, and whether it is new. Saying it twice gives the same track (rule 7).

    Its URLs are checked against the provider's hosts now and again at every fetch. `expires_at` defaults to the
    provider's lifetime. The archive finds the row by query. Said again with other URLs, these take the place of the
    former ones for what is not archived yet.
    """
    service = providers.known(provider)
    urls = {"audio_url": audio_url, "cover_url": cover_url, "video_url": video_url}
    providers.check_urls(service, {field: url for field, url in urls.items() if url})
    generated_at = generated_at or clock.now()
    said_to_expire, expires_at = expires_at, expires_at or providers.expiry(service, generated_at)
    _require_later(expires_at, generated_at)
    try:
        with transaction.atomic():
            track = create(owner=owner, kind=kind, title=title, ready=True, kept_until=expires_at, **facts)
            ProviderSource.objects.create(
                track=track, owner=owner, provider=service, provider_track_id=provider_track_id,
                generated_at=generated_at, expires_at=expires_at, **urls,
            )  # fmt: skip
            return track, True
    except IntegrityError:
        known = ProviderSource.objects.filter(owner=owner, provider=service, provider_track_id=provider_track_id)
        source = known.select_related("track").first()
        if source is None:
            raise
        if said_to_expire:
            _require_later(said_to_expire, source.generated_at)
        providers.renew(
            source, {name.removesuffix("_url"): url for name, url in urls.items()}, expires_at=said_to_expire
        )
        return source.track, False


def _require_later(expires_at: dt.datetime, generated_at: dt.datetime) -> None:
    if expires_at <= generated_at:
        message = "A track expires after it was generated."
        raise Refusal("INVALID", message, fields={"expires_at": [message]})


def edit(*, track: Track, by, **facts) -> Track:
    """Change a track's words and facts."""
    facts = vocabulary.canonical(identifiers.clean(facts))
    if "title" in facts:
        facts["title"] = clean_title(facts["title"])
    with history.said(by=by):
        if not files.lock_live(track.pk):
            raise NotFound
        for name, value in facts.items():
            setattr(track, name, value)
        track.full_clean(exclude=["owner"])
        track.save(update_fields=[*facts, "updated_at"])
        clearance.judge([track.pk])
    return track


def remove(*, track: Track, by, now: dt.datetime | None = None) -> None:
    """Leave a tombstone: words blanked, files released, the row kept for what points at it (C-07).

    The bytes go later, by the sweeper, when no other track holds them.
    """
    with history.said(by=by):
        _hold(Track.objects.filter(pk=track.pk))
        Track.machine.move(track, "removed", **_blank(now))
        _release(Track.objects.filter(pk=track.pk))
        _remove_merged(Track.objects.filter(pk=track.pk), now)


def remove_all(*, tracks: QuerySet[Track], by, now: dt.datetime | None = None) -> int:
    """As `remove`, for any number of tracks in a few statements; returns how many were there to remove.

    The queryset must not ask for what a removal changes: it is read again for what belongs to the tombstones.
    """
    with history.said(by=by):
        _hold(tracks)
        moved = Track.machine.move_all(tracks, "removed", **_blank(now))
        _release(tracks.filter(status="removed"))
        _remove_merged(tracks, now)
    return moved


def _hold(tracks: QuerySet[Track]) -> None:
    """Together with what was merged into them and in the order of their ids, as whoever undoes a merge locks them."""
    keys = tracks.order_by().values("pk")
    merged = Track.objects.filter(merged_into__in=keys).values("pk")
    rows = Track.objects.filter(pk__in=keys.union(merged)).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def _remove_merged(tracks: QuerySet[Track], now: dt.datetime | None) -> None:
    """What was merged into them goes with them. Asked for behind their removal, which waits for a merge at work."""
    keys = list(Track.objects.filter(merged_into__in=tracks.values("pk")).values_list("pk", flat=True))
    if keys:
        merged = Track.objects.filter(pk__in=keys)
        Track.machine.move_all(merged, "removed", **_blank(now))
        _release(merged)


def _blank(now: dt.datetime | None) -> dict:
    words = dict.fromkeys(WORDS, "")
    facts = {"removed_at": now or timezone.now(), "merged_into": None, "mood": [], "tags": [], "is_public": False}
    return {**facts, "clearance_reasons": [], **words}


def _release(removed: QuerySet[Track]) -> None:
    """What tombstones give back: their files and parts, the words of their history, the provider's ids and addresses,
    and what hangs on them in the apps above.

    Such an id is free again: whoever removed by mistake registers the generation anew.
    """
    for rows in (TrackFile, FormerFile, Section, Credit, Instrument, Sample, Play, PlayDay):
        rows.objects.filter(track__in=removed.values("pk")).delete()
    history.blank(removed)
    name = Concat(Value("removed "), Cast("track_id", CharField()))
    released = {"provider_track_id": name, "audio_url": "", "cover_url": "", "video_url": ""}
    ProviderSource.objects.filter(track__in=removed.values("pk")).update(**released)
    releasing.release(removed)
