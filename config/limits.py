"""No page takes a body that it has no use for: a longer one is refused before a byte of it is read."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from config.pages import too_large

Answer = Callable[[HttpRequest], HttpResponseBase]
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
