"""Addresses that died, and the ones that take their place: asked of the provider, or told by the owner.

The provider is asked at most once in a try, before the try counts as failed: with the first "gone" already, and always
before an asset is given up. No network inside a transaction.
"""

import datetime as dt
import logging

from django.db import transaction

from apps.archive import schedule
from apps.archive.models import OPEN_STATES, ArchiveAsset
from apps.archive.providers import ProviderError, client
from apps.catalog import files, providers
from apps.catalog.models import ProviderSource
from apps.lib import clock
from apps.lib.errors import Refusal

log = logging.getLogger(__name__)

Given = tuple[str, dt.datetime | None]

# Failures after which another address may help, whenever they come; past the expiry that holds for every failure.
DEAD = frozenset({"GONE", "URL_REFUSED", "PROVIDER_REFUSED"})


def helps(asset: ArchiveAsset, failure: Exception, *, now: dt.datetime | None = None) -> bool:
    """Whether to ask for another address after this failure."""
    dead = getattr(failure, "code", "") in DEAD or (now or clock.now()) >= asset.expires_at
    return dead and client(asset.track.source.provider_id).can_read()


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


def readdress(source: ProviderSource, now: dt.datetime) -> None:
    """The source's addresses become those of its assets that are not ours yet; what was lost is tried again.

    A kind that had none so far is planned. What is at work at this moment goes on with the address it has.
    """
    planned = ArchiveAsset.objects.filter(track=source.track_id)
    if not planned.exists():
        return
    for kind, url in source.urls().items():
        dead = planned.filter(kind=kind, state__in=[*OPEN_STATES, "lost"]).exclude(source_url=url)
        mine = planned.filter(pk__in=list(dead.select_for_update().values_list("pk", flat=True)))
        facts = {"source_url": url, "gone_checks": 0, "gone_since": None}
        if mine.update(expires_at=providers.expires(source, kind), **facts):
            schedule.hasten(mine, now=now)
    if source.urls().keys() - set(planned.values_list("kind", flat=True)):
        schedule.plan_tracks([source.track], now=now)


providers.on_fresh("archive", readdress)
