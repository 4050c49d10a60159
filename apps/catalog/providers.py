"""What each provider's files may look like from outside: which hosts, for how long."""

import datetime as dt
from collections.abc import Callable, Mapping, Set

from django.conf import settings
from django.db import transaction

from apps.catalog.models import Provider, ProviderSource
from apps.lib import clock, fetch
from apps.lib.errors import Refusal

OnFresh = Callable[[ProviderSource, Set[str], dt.datetime], None]

_listeners: dict[str, OnFresh] = {}


def on_fresh(name: str, listener: OnFresh) -> None:
    """`listener` is called with a source, the kinds whose address is another one now, and when that is.

    In the transaction that writes them.
    """
    _listeners[name] = listener


def rules(provider: Provider) -> fetch.Rules:
    """Where this provider's files may be fetched from; the demo's origins come from the settings alone."""
    return fetch.Rules(hosts=tuple(provider.hosts), origins=tuple(settings.FETCH_ORIGINS))


def known(code: str) -> Provider:
    provider = Provider.objects.filter(pk=code).first()
    if provider is None:
        names = ", ".join(Provider.objects.order_by("pk").values_list("pk", flat=True))
        message = f"Unknown provider. Known: {names}."
        raise Refusal("INVALID", message, fields={"provider": [message]})
    return provider


def check_urls(provider: Provider, urls: dict[str, str]) -> None:
    """Raises Refusal URL_REFUSED, naming the field, for a URL that may never be fetched."""
    for field, url in urls.items():
        try:
            fetch.check_url(url, rules(provider))
        except fetch.FetchError as refused:
            raise Refusal("URL_REFUSED", refused.message, fields={field: [refused.message]}) from refused


def expiry(provider: Provider, since: dt.datetime, kind: str = "audio") -> dt.datetime:
    """Until when an address of this kind works that the provider gave at that time.

    In UTC: where clocks jump, a day of the zone that `since` may be written in is no day of 24 hours.
    """
    return since.astimezone(dt.UTC) + provider.lives(kind)


def sooner(said: dt.datetime | None, provider: Provider, since: dt.datetime) -> dt.datetime | None:
    """The expiry that an address of audio was said to have, where that is before the usual one, and can be."""
    return said if said and since < said < expiry(provider, since) else None


def expires(source: ProviderSource, kind: str) -> dt.datetime:
    """Until when the source's address of this kind works.

    Its audio's expiry may have been said by who registered it; said to be sooner than usual, it holds for the rest too.
    """
    if kind == "audio":
        return source.expires_at
    since = source.renewed_at or source.generated_at
    usual = expiry(source.provider, since, kind)
    return min(usual, source.expires_at) if source.expires_at < expiry(source.provider, since) else usual


@transaction.atomic
def renew(
    source: ProviderSource,
    urls: Mapping[str, str],
    *,
    expires_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> bool:
    """Write other addresses of a source, by asset kind, checked before; False when they are those it has.

    `expires_at` is the audio's, by default as long from now as the provider's addresses work, and stays where the
    audio's address does. Not of a removed track, whose addresses are forgotten.
    """
    now = now or clock.now()
    row = ProviderSource.objects.select_for_update(of=("self",)).select_related("provider", "track").get(pk=source.pk)
    kinds = {kind for kind, url in urls.items() if url and url != getattr(row, f"{kind}_url")}
    if not kinds or row.track.removed_at is not None:
        return False
    other = {f"{kind}_url": urls[kind] for kind in kinds}
    if "audio" in kinds:
        other |= {"renewed_at": now, "expires_at": expires_at or max(expiry(row.provider, now), row.expires_at)}
    for name, value in other.items():
        setattr(row, name, value)
        setattr(source, name, value)
    row.save(update_fields=[*other, "updated_at"])
    for listener in _listeners.values():
        listener(row, kinds, now)
    return True
