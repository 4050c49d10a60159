"""What is said when a page cannot be given."""

import logging
from collections.abc import Callable

from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DataError, IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from redis import RedisError

from apps.accounts.access import lacks_second_factor
from apps.lib.api import PROBLEM, problem, translate
from apps.lib.errors import Refusal

log = logging.getLogger(__name__)

FOR_PROGRAMS = ("/api/", "/_allauth/", "/hooks/")
# JSON that is nested without end, and text with half a character in it.
NONSENSE = (RecursionError, UnicodeEncodeError)
MEGABYTES, OF_A_PICTURE = (most // (1024 * 1024) for most in (settings.UPLOAD_MAX_BYTES, settings.PICTURE_MAX_BYTES))
# status → code for programs, title and words for people
ERRORS = {
    400: ("MALFORMED", "This request makes no sense", "Something in the address or the form was not understood."),
    401: ("SIGNED_OUT", "You are signed out", "Your session was ended meanwhile. Sign in, look, and try again."),
    403: ("FORBIDDEN", "This is not yours to open", "You may see that it exists, but not do this with it."),
    404: ("NOT_FOUND", "There is nothing here", "It was removed, it is private, or the address has a slip in it."),
    413: (
        "TOO_LARGE",
        "This is too large",
        f"A file may be {MEGABYTES}MB at most, a picture {OF_A_PICTURE}MB, anything else a few megabytes.",
    ),
    409: ("CONFLICT", "This cannot be done now", "Somebody or something was faster. Reload and try again."),
    429: ("RATE_LIMITED", "Too many requests", "Wait a minute, then try again."),
    500: ("SERVER_ERROR", "Something broke on our side", "It has been noted. Try again in a moment."),
    507: ("DISK_FULL", "There is no room at this moment", "Try again later."),
    503: ("UNAVAILABLE", "Not available at this moment", "A part of the site is away. Try again in a minute."),
}


class Refused:
    """Middleware: a rule or a wall that says no inside a page is told in words, with its status, and never a 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, RedisError):
            log.error("refused, the cache is away: %s", exception)
            return _error(request, 503)
        said = isinstance(exception, Refusal | IntegrityError | DataError | OperationalError)
        if said and (answer := refused(request, exception)):
            return answer
        if isinstance(exception, NONSENSE) or _is_mute(exception):
            return _error(request, 400)
        return None


def refused(request: HttpRequest, failure: Exception) -> HttpResponse | None:
    """What a rule or a wall said no to, in its words; None when it is a defect of ours."""
    refusal = translate(failure)
    if refusal is None:
        return None
    if request.path.startswith(FOR_PROGRAMS):
        return problem(refusal)
    return _error(request, refusal.status, refusal.code, refusal.message)


def _is_mute(exception: Exception) -> bool:
    """Whether allauth refuses a body without a word about it."""
    return isinstance(exception, ImmediateHttpResponse) and (
        exception.response.status_code == 400 and not exception.response.content
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 401 if isinstance(exception, SessionInterrupted) else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404)


def too_large(request: HttpRequest, code: str) -> HttpResponse:
    return _error(request, 413, code)


def server_error(request: HttpRequest) -> HttpResponse:
    return _error(request, 500)


def too_many(request: HttpRequest) -> HttpResponse:
    return _error(request, 429)


def staff_entrance(request: HttpRequest) -> HttpResponse:
    """Where the admin sends whoever may not enter: on to sign in, to the second factor they lack, or no further."""
    if not request.user.is_authenticated or request.user.is_staff:
        return redirect(f"{reverse('account_login')}?{request.GET.urlencode()}")
    if lacks_second_factor(request.user, "admin.enter"):
        messages.warning(request, "Staff sign in with a second factor here. Turn yours on, then enter the admin.")
        return redirect("mfa_index")
    return _error(request, 403)


def _error(request: HttpRequest, status: int, code: str = "", said: str = "") -> HttpResponse:
    """A page for people; where programs ask the problem+json that they expect (rule 8)."""
    usual, title, words = ERRORS.get(status, ERRORS[400])
    words = said or words
    if request.path.startswith(FOR_PROGRAMS):
        body = {"type": "about:blank", "code": code or usual, "status": status, "detail": f"{title}. {words}"}
        return JsonResponse(body, status=status, content_type=PROBLEM)
    page = {"status": status, "title": title, "words": words}
    if status == 503:
        page["again"] = request.get_full_path()
    # After a 500 the page does without the request: what broke may be the session or database behind its header.
    # With a 401 the session is gone, and a 413 comes before it is there.
    return HttpResponse(
        render_to_string("error.html", page, None if status in (401, 413, 500, 503) else request), status=status
    )
