"""Through which door the present work came in: `admin`, `api`, `page`, or `system` for workers and commands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

SYSTEM = "system"
_door = ContextVar("door", default=SYSTEM)


def current() -> str:
    return _door.get()


@contextmanager
def through(door: str) -> Iterator[None]:
    """The block works for somebody who came in by this door, such as a worker for a curator."""
    before = _door.set(door)
    try:
        yield
    finally:
        _door.reset(before)


def named(get_response: Callable) -> Callable:
    """Middleware: the door is told by the address."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with through(_of(request.path)):
            return get_response(request)

    return middleware


def _of(path: str) -> str:
    if path.startswith("/admin/"):
        return "admin"
    return "api" if path.startswith("/api/") else "page"
