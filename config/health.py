"""`/healthz`: the process answers. `/readyz`: so do the database, the broker and the store."""

import os
from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.catalog import files
from apps.lib import storage


def database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def broker() -> None:
    cache.get("readyz")


def store() -> None:
    files.begin()
    storage.check()
    settings.SPOOL.mkdir(parents=True, exist_ok=True)
    if not os.access(settings.SPOOL, os.W_OK):
        raise PermissionError("the spool is not writable")


PARTS: dict[str, Callable[[], None]] = {"database": database, "broker": broker, "storage": store}


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part answers, else 503; each part by name, without its error's details."""
    parts = {name: _state(probe) for name, probe in PARTS.items()}
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ok" if ready else "unavailable", **parts}, status=200 if ready else 503)


def _state(probe: Callable[[], None]) -> str:
    try:
        probe()
    except Exception as failure:  # whatever a driver raises, the answer is that the part is not there
        return f"unavailable ({type(failure).__name__})"
    return "ok"
