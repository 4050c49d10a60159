"""Where blobs live, as one URL: plain Python, because settings read it before any app is loaded."""

import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from botocore.config import Config

SIGNED_SECONDS = 300  # the longest life of a link to a blob

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = {
    "region": re.compile(r"[a-z0-9-]+"),
    "secure": re.compile(r"[01]"),
    "addressing": re.compile(r"path|virtual"),
}


def places_from_urls(main: str, copy: str) -> dict[str, dict]:
    """The STORAGES entries of STORAGE_URL and, unless it is empty, of COPY_URL: `blobs` and `copies`.

    A ValueError also when they are one place, of which the loss would be the loss of both.
    """
    places = {"blobs": backend_from_url(main)}
    if copy:
        try:
            places["copies"] = backend_from_url(copy)
            if _meet(places["blobs"]["OPTIONS"], places["copies"]["OPTIONS"]):
                raise _wrong("it is the place of the main store, or one lies within the other")
        except ValueError as wrong:
            raise ValueError(str(wrong).replace("STORAGE_URL", "COPY_URL", 1)) from None
    return places


def _meet(one: dict, other: dict) -> bool:
    if "location" in one and "location" in other:
        here, there = Path(one["location"]).resolve(), Path(other["location"]).resolve()
        return here.is_relative_to(there) or there.is_relative_to(here)
    return all(name in one and one[name] == other.get(name) for name in ("endpoint_url", "bucket_name"))


def backend_from_url(url: str) -> dict:
    """The Django STORAGES entry of a STORAGE_URL; a ValueError names what is wrong, not the secret.

    `file:///abs/path`, or `s3://ACCESS:SECRET@host[:port]/bucket?region=us-east-1&secure=1&addressing=path`
    (these are the defaults of the three options), each part percent-encoded.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _wrong("the host part cannot be read; percent-encode the access key and the secret") from None
    if parts.fragment or "#" in url:
        raise _wrong("it holds a '#'; write it as %23")
    if parts.scheme == "file":
        return _folder(parts)
    if parts.scheme == "s3":
        return _bucket(parts)
    raise _wrong("it must start with file:// or s3://")


def _folder(parts: SplitResult) -> dict:
    path = Path(unquote(parts.path))
    if parts.netloc not in ("", "localhost"):
        raise _wrong("a file URL has three slashes: file:///absolute/path")
    if parts.query:
        raise _wrong("a file URL takes no options; write a '?' in the path as %3F")
    if not path.is_absolute() or ".." in path.parts or path == Path("/"):
        raise _wrong("a file URL needs an absolute folder below /, without '..'")
    options = {"location": str(path), "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}


def _bucket(parts: SplitResult) -> dict:
    bucket, options = unquote(parts.path).strip("/"), _s3_options(parts.query)
    if not _BUCKET.fullmatch(bucket):
        raise _wrong("the path must be one bucket name: 3 to 63 of a-z, 0-9, '.' and '-'")
    if not parts.username or not parts.password:
        raise _wrong("the access key or the secret is missing: s3://ACCESS:SECRET@host/bucket")
    secure = options["secure"] == "1"
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "access_key": unquote(parts.username),
            "secret_key": unquote(parts.password),
            "bucket_name": bucket,
            "endpoint_url": f"{'https' if secure else 'http'}://{_host(parts)}",
            "region_name": options["region"],
            "use_ssl": secure,
            "default_acl": None,  # nothing is ever made public; links are signed
            "querystring_auth": True,
            "querystring_expire": SIGNED_SECONDS,
            "file_overwrite": False,
            "max_memory_size": 1024 * 1024,
            "client_config": _client_config(options["addressing"]),
        },
    }


def _host(parts: SplitResult) -> str:
    try:
        host, port = parts.hostname, parts.port
    except ValueError:  # its words would repeat a part of the secret when an '@' or '/' in it was not encoded
        raise _wrong("the port is not a number; percent-encode '/', '@' and ':' in the secret") from None
    if not host:
        raise _wrong("the host is missing: s3://ACCESS:SECRET@host/bucket")
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def _s3_options(query: str) -> dict[str, str]:
    options = {"region": "us-east-1", "secure": "1", "addressing": "path"}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise _wrong("it has an unknown option; known are region, secure and addressing")
        if not _OPTIONS[name].fullmatch(value):
            raise _wrong(f"the option {name} must match {_OPTIONS[name].pattern}")
        options[name] = value
    return options


def _client_config(addressing: str) -> Config:
    """Timeouts that end a call, and checksums only where we ask: some stores refuse the automatic ones."""
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 2},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _wrong(what: str) -> ValueError:
    return ValueError(f"STORAGE_URL is wrong: {what}.")
