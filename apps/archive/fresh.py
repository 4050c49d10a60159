"""Addresses that died, and the ones that take their place: asked of the provider, or told by the owner.

The provider is asked at most once in a try, before the try counts as failed: with the first "gone" already, and always
before an asset is given up. No network inside a transaction.
"""

import datetime as dt
import logging
from collections.abc import Set

from django.db import transaction
from django.db.models import Case, F, When

from apps.archive import generations, schedule
from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.archive.providers import ProviderError, client
from apps.archive.providers.base import split
from apps.catalog import files, providers
from apps.catalog.models import ProviderSource
from apps.lib import clock
from apps.lib.errors import Refusal

log = logging.getLogger(__name__)

Given = tuple[str, dt.datetime | None]

# Failures after which another address may help, whenever they come; past the expiry that holds for every failure.
DEAD = frozenset({"GONE", "URL_REFUSED", "PROVIDER_REFUSED"})


def helps(asset: ArchiveAsset, failure: Exception, *, now: dt.datetime | None = None) -> bool:
    """Whether to ask for another address after this failure. Never for what is known as somebody else's."""
    source = asset.track.source
    dead = getattr(failure, "code", "") in DEAD or (now or clock.now()) >= asset.expires_at
    if not (dead and client(source.provider_id).can_read()):
        return False
    task, _ = split(source.provider_track_id)
    return not generations.is_anothers(source.owner_id, source.provider_id, task)


def given(asset: ArchiveAsset) -> Given | None:
    """The other address that the provider gives now, where it may be fetched, and the audio's expiry if it says one.

    Waits for the provider, and needs no database for an asset whose source and provider are loaded.
    """
    source, kind = asset.track.source, asset.kind
    asked = client(source.provider_id)
    try:
        song = asked.fresh_urls(source.provider_track_id)
        if song is None or song.urls.get(kind, asset.source_url) == asset.source_url:
            return None
        providers.check_urls(source.provider, {f"{kind}_url": song.urls[kind]})
    except (ProviderError, Refusal) as failure:
        log.warning("no fresh address from %s: %s (%s)", source.provider_id, failure.message, failure.code)
        return None
    return song.urls[kind], song.expires_at if kind == "audio" else None


def taken(asset: ArchiveAsset, given: Given, *, now: dt.datetime | None = None) -> bool:
    """Write the address to the source and to the asset; False when they have it, or the track has gone."""
    now, source, (url, said) = now or clock.now(), asset.track.source, given
    expires_at = providers.sooner(said, source.provider, now)
    with transaction.atomic():
        if not files.lock_live(asset.track_id):
            return False
        if not providers.renew(source, {asset.kind: url}, expires_at=expires_at, now=now):
            return False
    asset.refresh_from_db(fields=["source_url", "host", "expires_at", "gone_checks", "gone_since"])
    log.info("%s of track %s has a fresh address", asset.kind, asset.track_id)
    return True


def caught_up(asset: ArchiveAsset) -> bool:
    """Give the asset, held and with its source, the address that its source has; False when it has it.

    They part where a planner read the source before its addresses were changed and wrote the asset afterwards.
    """
    source = asset.track.source
    url = source.urls().get(asset.kind, asset.source_url)
    if url == asset.source_url:
        return False
    facts = {"source_url": url, "expires_at": providers.expires(source, asset.kind)}
    return ArchiveAsset.objects.filter(pk=asset.pk).update(**facts) == 1


def readdress(source: ProviderSource, kinds: Set[str], now: dt.datetime) -> None:
    """The source's addresses of these kinds become those of its assets that are not ours yet; what was lost is tried.

    A kind that had none so far is planned. What is at work at this moment goes on with the address it has. What comes
    without the audio has a lifetime of its own from now.
    """
    planned = ArchiveAsset.objects.filter(track=source.track_id)
    if not planned.exists():
        return
    if source.urls().keys() - set(planned.values_list("kind", flat=True)):
        schedule.plan_tracks([source.track], now=now)
    for kind in sorted(kinds):
        dead = planned.filter(kind=kind, state__in=[*OPEN_STATES, "lost"])
        mine = planned.filter(pk__in=list(dead.select_for_update().values_list("pk", flat=True)))
        alone = "audio" not in kinds
        expires_at = providers.expiry(source.provider, now, kind) if alone else providers.expires(source, kind)
        # Where a try goes on with it, its failures count on: a provider may give another dead address each time.
        attempts = Case(When(state="running", then=F("attempts")), default=0)
        facts = {"source_url": source.urls()[kind], "attempts": attempts, "gone_checks": 0, "gone_since": None}
        if mine.update(expires_at=expires_at, **facts):
            schedule.hasten(mine, now=now)


providers.on_fresh("archive", readdress)
