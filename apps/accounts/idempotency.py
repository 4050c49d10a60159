"""`Idempotency-Key` on POST: a write said twice, or twenty times at once, is done once (rule 7)."""

import datetime as dt
import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.http import QueryDict
from django.utils import timezone
from rest_framework.response import Response

from apps.accounts.models import IdempotentAnswer
from apps.lib.errors import Conflict, Refusal

KEPT_FOR = dt.timedelta(days=2)
LONGEST = 200
PATIENCE_S = 2


def once(post: Callable) -> Callable:
    """A view's `post` that honours the header: the first answer is kept and given again; a refusal is not kept.

    A view whose body says nothing of what is asked for has `said(request)` for it.
    What died half-way is not done again unasked: the repetition answers 409 and the client looks first.
    """

    @functools.wraps(post)
    def wrapped(view, request, *args, **kwargs) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key or not request.user.is_authenticated:
            return post(view, request, *args, **kwargs)
        if len(key) > LONGEST or not key.isprintable():
            raise Refusal("INVALID", f"Idempotency-Key: at most {LONGEST} printable characters.")
        with _alone(f"{request.user.pk}:{key}"):
            asked = fingerprint(request, view.said(request) if hasattr(view, "said") else request.data)
            act = functools.partial(post, view, request, *args, **kwargs)
            return _known(request, key, asked) or _first(request, key, asked, act)

    return wrapped


def _known(request, key: str, asked: str) -> Response | None:
    answer = IdempotentAnswer.objects.filter(user=request.user, key=key).first()
    if answer is None:
        return None
    if answer.fingerprint != asked:
        raise Refusal("IDEMPOTENCY_MISMATCH", "This Idempotency-Key was used for another request.", status=422)
    if answer.http_status is None:
        message = "The first attempt broke off. See whether it took effect; if not, repeat it under a new key."
        raise Conflict(message, code="IDEMPOTENCY_INTERRUPTED")
    return Response(answer.body, status=answer.http_status, headers={"Idempotent-Replayed": "true"})


def _first(request, key: str, asked: str, act: Callable[[], Response]) -> Response:
    row = IdempotentAnswer.objects.create(user=request.user, key=key, fingerprint=asked)
    try:
        response = act()
    except Exception:  # nothing was done, so that the same key may put it right
        row.delete()
        raise
    row.http_status, row.body = response.status_code, json.loads(json.dumps(response.data, default=str))
    row.save(update_fields=["http_status", "body"])
    return response


def fingerprint(request, said) -> str:
    """SHA-256 over the method, the path and what was said, files by their content."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    for name, value in _sent(said):
        digest.update(f"{name}=".encode())
        if isinstance(value, UploadedFile):
            for chunk in value.chunks():
                digest.update(chunk)
            value.seek(0)
        else:
            digest.update(json.dumps(value, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _sent(data) -> list[tuple[str, object]]:
    """Every value of a form or of a JSON body, in a stable order."""
    if isinstance(data, QueryDict):
        return [(name, value) for name, values in sorted(data.lists()) for value in values]
    return [("", data)]


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One request per key at a time, on whichever server; the lock ends with the connection at the latest."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    until = time.monotonic() + PATIENCE_S
    while not _asked("SELECT pg_try_advisory_lock(%s)", number):
        if time.monotonic() > until:
            raise Conflict("The first request under this Idempotency-Key is still at work.", code="IN_PROGRESS")
        time.sleep(0.05)
    try:
        yield
    finally:
        _asked("SELECT pg_advisory_unlock(%s)", number)


def _asked(statement: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [number])
        return cursor.fetchone()[0]


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop answers older than two days; returns how many."""
    return IdempotentAnswer.objects.filter(created_at__lt=(now or timezone.now()) - KEPT_FOR).delete()[0]
