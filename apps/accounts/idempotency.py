"""`Idempotency-Key` on POST: a write said twice, or twenty times at once, is done once (rule 7)."""

import datetime as dt
import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response

from apps.accounts.models import IdempotentAnswer
from apps.lib.errors import Refusal

KEPT_FOR = dt.timedelta(days=2)
LONGEST = 200


def once(post: Callable) -> Callable:
    """A view's `post` that honours the header: the first answer is kept and given again; a refusal is not kept."""

    @functools.wraps(post)
    def wrapped(view, request, *args, **kwargs) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key or not request.user.is_authenticated:
            return post(view, request, *args, **kwargs)
        if len(key) > LONGEST or not key.isprintable():
            raise Refusal("INVALID", f"Idempotency-Key: at most {LONGEST} printable characters.")
        with _alone(f"{request.user.pk}:{key}"):
            return _known(request, key) or _kept(request, key, post(view, request, *args, **kwargs))

    return wrapped


def _known(request, key: str) -> Response | None:
    answer = IdempotentAnswer.objects.filter(user=request.user, key=key).first()
    if answer is None:
        return None
    if answer.fingerprint != fingerprint(request):
        raise Refusal("IDEMPOTENCY_MISMATCH", "This Idempotency-Key was used for another request.", status=422)
    return Response(answer.body, status=answer.status, headers={"Idempotent-Replayed": "true"})


def _kept(request, key: str, response: Response) -> Response:
    body = json.loads(json.dumps(response.data, default=str))
    facts = {"fingerprint": fingerprint(request), "status": response.status_code, "body": body}
    IdempotentAnswer.objects.create(user=request.user, key=key, **facts)
    return response


def fingerprint(request) -> str:
    """SHA-256 over the method, the path and what was sent, files by their content."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    for name, value in sorted(request.data.items()):
        digest.update(f"{name}=".encode())
        if isinstance(value, UploadedFile):
            value.seek(0)
            for chunk in value.chunks():
                digest.update(chunk)
        else:
            digest.update(json.dumps(value, sort_keys=True, default=str).encode())
    return digest.hexdigest()


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One request per key at a time, on whichever server; the lock ends with the connection at the latest."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop answers older than two days; returns how many."""
    return IdempotentAnswer.objects.filter(created_at__lt=(now or timezone.now()) - KEPT_FOR).delete()[0]
