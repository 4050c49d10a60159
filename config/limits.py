"""What no page has a use for is refused before anything looks at it, and what nobody is to learn takes no time to tell.

Long bodies, files beyond somebody's quota, NUL characters; and the same time for a known and an unknown address.
"""

import re
import time
from collections.abc import Callable
from itertools import chain

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from rest_framework.authentication import get_authorization_header

from apps.lib.errors import Refusal
from apps.uploads import holding
from config.pages import FOR_PROGRAMS, bad_request, refused, too_large

Answer = Callable[[HttpRequest], HttpResponseBase]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def of_files(path: str) -> int | None:
    """How many bytes a file has at most that is sent to this address; None where none is sent."""
    return settings.FILE_PATHS.get(_generic(path))


def _generic(path: str) -> str:
    return _ID.sub("<id>", path)


def bounded_bodies(get_response: Answer) -> Answer:
    """Middleware, the outermost one."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        most, code = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "TOO_LARGE"
        if file := of_files(request.path_info):
            most, code = file + settings.FORM_ENVELOPE_BYTES, "FILE_TOO_LARGE"
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > most:
            return too_large(request, code)
        return get_response(request)

    return answer


class FilesBeforeTheyAreRead:
    """Middleware, before the one that looks for a token in the form and so reads it: room is held for the file.

    Whoever comes by key is known to the view alone, which asks before it reads.
    """

    def __init__(self, get_response: Answer):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with holding.released(request):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *view) -> HttpResponseBase | None:
        if request.method != "POST" or not of_files(request.path_info):
            return None
        if request.path_info.startswith("/admin/") and not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))  # the admin's own answer, unread
        if get_authorization_header(request):
            return None
        page = not request.path.startswith(FOR_PROGRAMS)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path()) if page else None
        try:
            if _generic(request.path_info) in settings.UPLOAD_FORMS:
                holding.hold(request, request.user)
            if page:
                _ = request.FILES  # read now, where a full disk can be told in words
        except (Refusal, OperationalError) as failure:
            return refused(request, failure)


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
