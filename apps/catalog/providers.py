"""What each provider's files may look like from outside: which hosts, for how long."""

import datetime as dt

from django.conf import settings

from apps.catalog.models import Provider
from apps.lib import fetch
from apps.lib.errors import Refusal


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


def expiry(provider: Provider, generated_at: dt.datetime) -> dt.datetime:
    return generated_at + provider.lifetime
