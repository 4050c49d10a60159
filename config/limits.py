"""What no page has a use for is refused before anything looks at it, and what nobody is to learn takes no time to tell.

Long bodies, NUL characters; and the same time for a known and an unknown address.
"""

import re
import time
from collections.abc import Callable
from itertools import chain

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from config.pages import bad_request, too_large

Answer = Callable[[HttpRequest], HttpResponseBase]
# Form fields and boundaries around a file.
ENVELOPE = 1024 * 1024
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def of_files(path: str) -> int | None:
    """How many bytes a file has at most that is sent to this address; None where none is sent."""
    return settings.FILE_PATHS.get(_ID.sub("<id>", path))


def bounded_bodies(get_response: Answer) -> Answer:
    """Middleware, the outermost one."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        most, code = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "TOO_LARGE"
        if file := of_files(request.path_info):
            most, code = file + ENVELOPE, "FILE_TOO_LARGE"
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > most:
            return too_large(request, code)
        return get_response(request)

    return answer


def without_nul(get_response: Answer) -> Answer:
    """Middleware: PostgreSQL takes no NUL in a text, so none comes in by path, query or cookie."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        words = [request.path_info, *request.COOKIES.values(), *chain.from_iterable(request.GET.lists())]
        if "\x00" in "".join(chain.from_iterable(words)):
            return bad_request(request, ValueError("NUL"))
        return get_response(request)

    return answer


def even_time(get_response: Answer) -> Answer:
    """Middleware: a request that looked an account up, known or not, is answered after a whole number of steps.

    Whether an address is known, locked out or has an old hash then shows in no clock. `Accounts` in the adapter marks
    such requests, which the limits per network address have counted by then. All others are answered at once, and who
    asks too often: that says nothing about accounts, and waiting would use up the server.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        response = get_response(request)
        step = settings.SIGN_IN_TAKES_MS / 1000
        if step and getattr(request, "looked_up", False) and response.status_code != 429:
            time.sleep(step - (time.monotonic() - started) % step)
        return response

    return answer
