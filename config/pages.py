"""The pages that belong to no app: signing in, and what is said when a page cannot be given."""

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from apps.lib.api import PROBLEM

MEGABYTES = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
# status → code for programs, title and words for people
ERRORS = {
    400: ("MALFORMED", "This request makes no sense", "Something in the address or the form was not understood."),
    403: ("FORBIDDEN", "This is not yours to open", "You may see that it exists, but not do this with it."),
    404: ("NOT_FOUND", "There is nothing here", "It was removed, it is private, or the address has a slip in it."),
    413: ("TOO_LARGE", "This is too large", f"A file may be {MEGABYTES}MB at most, any other request a few megabytes."),
    500: ("SERVER_ERROR", "Something broke on our side", "It has been noted. Try again in a moment."),
}


class SignInForm(AuthenticationForm):
    username = forms.EmailField(label="E-mail", max_length=254)
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This e-mail address and password do not match.",
    }


sign_in = LoginView.as_view(template_name="accounts/sign_in.html", authentication_form=SignInForm)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404)


def too_large(request: HttpRequest, code: str) -> HttpResponse:
    return _error(request, 413, code)


def server_error(request: HttpRequest) -> HttpResponse:
    return _error(request, 500)


def _error(request: HttpRequest, status: int, code: str = "") -> HttpResponse:
    """A page for people; below `/api/` the problem+json that programs expect (rule 8)."""
    usual, title, words = ERRORS[status]
    if request.path.startswith("/api/"):
        body = {"type": "about:blank", "code": code or usual, "status": status, "detail": f"{title}. {words}"}
        return JsonResponse(body, status=status, content_type=PROBLEM)
    page = {"status": status, "title": title, "words": words}
    # After a 500 the page does without the request: what broke may be the session or database behind its header.
    # A 413 comes before the session is there.
    return HttpResponse(render_to_string("error.html", page, None if status in (413, 500) else request), status=status)
