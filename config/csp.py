"""The pages that script and style inline get a policy of their own; every other page keeps the strict one."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


def inline_pages(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware. It stands behind django-csp's, which writes the header from what is left on the response here."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for prefix, directives in settings.CSP_INLINE_PAGES.items():
            if request.path_info.startswith(prefix):
                response._csp_replace = directives
        return response

    return answer
