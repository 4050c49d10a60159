"""The API's door half: problem+json for every error (RFC 9457) and the default that a view is closed."""

import logging
from copy import copy

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions, status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission

from apps.lib import locks
from apps.lib.errors import Forbidden, NotFound, Refusal

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
CODES = {
    exceptions.AuthenticationFailed: "AUTHENTICATION_FAILED",
    exceptions.NotAuthenticated: "SIGN_IN_REQUIRED",
    exceptions.PermissionDenied: "FORBIDDEN",
    exceptions.NotFound: "NOT_FOUND",
    exceptions.MethodNotAllowed: "METHOD_NOT_ALLOWED",
    exceptions.NotAcceptable: "NOT_ACCEPTABLE",
    exceptions.UnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE",
    exceptions.Throttled: "RATE_LIMITED",
    exceptions.ParseError: "MALFORMED",
    exceptions.ValidationError: "INVALID",
}


class ShallowJSONParser(JSONParser):
    """JSON of a depth that somebody wrote on purpose."""

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as too_deep:
            raise exceptions.ParseError("This JSON is nested too deeply.") from too_deep


class AnyAccept(BaseContentNegotiation):
    """For views that answer with a file: a player's `Accept: audio/*` is no reason to refuse it."""

    def select_parser(self, request, parsers):
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class Constrained:
    """For a ModelSerializer: what a database constraint would refuse is a 400 with the constraint's own words."""

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        row = copy(self.instance) or self.Meta.model()
        for name, value in attrs.items():
            if not isinstance(value, dict):
                setattr(row, name, value)
        row.validate_constraints()
        return attrs


class Closed(BasePermission):
    """The default policy: nobody. A view opens itself by naming a policy."""

    def has_permission(self, request, view) -> bool:
        return False


def problem(refusal: Refusal, headers: dict | None = None) -> JsonResponse:
    """`{type, code, status, detail, errors?}` as application/problem+json, whatever the request would accept."""
    body = {"type": "about:blank", "code": refusal.code, "status": refusal.status, "detail": refusal.message}
    if refusal.fields:
        body["errors"] = refusal.fields
    return JsonResponse({**body, **refusal.extra}, status=refusal.status, headers=headers, content_type=PROBLEM)


def problem_handler(exc: Exception, context: dict) -> JsonResponse | None:
    """DRF's exception handler. What is not known here is a defect and stays a 500 with its traceback in the log."""
    refusal = translate(exc)
    if refusal is None:
        return None
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header
    if getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(exc.wait))
    return problem(refusal, headers)


def translate(exc: Exception) -> Refusal | None:
    """Any error a person can cause, as a Refusal."""
    if isinstance(exc, Refusal):
        return exc
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, PermissionDenied):
        return Forbidden()
    if isinstance(exc, RequestDataTooBig):
        return Refusal("TOO_LARGE", "The body is too large.", status=413)
    if isinstance(exc, ValidationError):
        fields = exc.message_dict if hasattr(exc, "error_dict") else {"non_field_errors": exc.messages}
        return _invalid(fields)
    if isinstance(exc, IntegrityError | DataError):
        # The wall held where no rule spoke first: the caller learns it, the operator sees which wall it was.
        log.warning("refused by the database: %s", str(exc).splitlines()[0])
        return Refusal("CONFLICT", "This contradicts what is stored already.", status=409)
    if isinstance(exc, OperationalError) and locks.waited_in_vain(exc):
        log.warning("somebody held what was asked for: %s", str(exc).splitlines()[0])
        return Refusal(
            "BUSY", "This is being changed at this moment. Nothing was done: try again in a minute.", status=409
        )
    if isinstance(exc, exceptions.APIException):
        return _from_drf(exc)
    return None


def _from_drf(exc: exceptions.APIException) -> Refusal:
    if isinstance(exc, exceptions.ValidationError):
        fields = exc.detail if isinstance(exc.detail, dict) else {"non_field_errors": exc.detail}
        return _invalid(_flat(fields))
    code = next((code for kind, code in CODES.items() if isinstance(exc, kind)), "ERROR")
    return Refusal(code, str(exc.detail), status=exc.status_code)


def _flat(detail: dict, prefix: str = "") -> dict[str, list[str]]:
    """Nested errors as dotted names, so that every error has one shape."""
    flat: dict[str, list[str]] = {}
    for name, value in detail.items():
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            value = dict(enumerate(value))
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = [str(v) for v in (value if isinstance(value, list) else [value])]
    return flat


def _invalid(fields: dict) -> Refusal:
    first = next(((n, m) for n, messages in fields.items() for m in messages), ("", "The input is not valid."))
    detail = first[1] if first[0] in ("", "non_field_errors", "__all__") else f"{first[0]}: {first[1]}"
    return Refusal("INVALID", str(detail), status=status.HTTP_400_BAD_REQUEST, fields=fields)
