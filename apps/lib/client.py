"""Who is on the other end of a request."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def address(request: HttpRequest) -> str:
    """The client's IP address. Behind a proxy of ours the last entry of X-Forwarded-For, which that proxy wrote."""
    said = request.META.get("REMOTE_ADDR") or ""
    if settings.BEHIND_PROXY:
        said = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or said
    try:
        found = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:
        return "0.0.0.0"
    return str(getattr(found, "ipv4_mapped", None) or found)


def network(address: str) -> str:
    """What counts as one place: an IPv4 address, the /64 of an IPv6 address, which one household owns in full."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address) + "/64"
