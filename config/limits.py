"""What no page has a use for is refused before anything looks at it: long bodies, NUL characters."""

from collections.abc import Callable
from itertools import chain

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from config.pages import bad_request, too_large

Answer = Callable[[HttpRequest], HttpResponseBase]
# Form fields and boundaries around a file.
ENVELOPE = 1024 * 1024


def bounded_bodies(get_response: Answer) -> Answer:
    """Middleware, the outermost one."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        most, code = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "TOO_LARGE"
        if request.path_info in settings.FILE_PATHS:
            most, code = settings.UPLOAD_MAX_BYTES + ENVELOPE, "FILE_TOO_LARGE"
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
