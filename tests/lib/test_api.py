import json

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from apps.accounts.models import Profile
from apps.lib import api
from apps.lib.errors import Conflict, Forbidden, NotFound, Refusal
from tests.lib.threads import impatient, side_by_side
from tests.make import make_user

URL = "/api/v1/tracks"


def answer(failure: Exception) -> Response:
    return api.problem_handler(failure, {})


def said_by(failure: Exception) -> dict:
    return json.loads(answer(failure).content)


def view(**attributes):
    """A view of REST framework that answers GET with `ok`."""
    return type("View", (APIView,), {"get": lambda self, request: Response("ok"), **attributes}).as_view()


@pytest.mark.parametrize(
    ("failure", "code", "status"),
    [
        (Refusal("FILE_TOO_LARGE", "Too large.", status=413), "FILE_TOO_LARGE", 413),
        (NotFound(), "NOT_FOUND", 404),
        (Forbidden(), "FORBIDDEN", 403),
        (Conflict("Too late."), "CONFLICT", 409),
        (Http404(), "NOT_FOUND", 404),
        (PermissionDenied(), "FORBIDDEN", 403),
        (ValidationError("Wrong."), "INVALID", 400),
        (IntegrityError("duplicate key"), "CONFLICT", 409),
        (DataError("value too long"), "CONFLICT", 409),
        (exceptions.AuthenticationFailed(), "AUTHENTICATION_FAILED", 401),
        (exceptions.NotAuthenticated(), "SIGN_IN_REQUIRED", 401),
        (exceptions.PermissionDenied(), "FORBIDDEN", 403),
        (exceptions.NotFound(), "NOT_FOUND", 404),
        (exceptions.MethodNotAllowed("PUT"), "METHOD_NOT_ALLOWED", 405),
        (exceptions.NotAcceptable(), "NOT_ACCEPTABLE", 406),
        (exceptions.UnsupportedMediaType("text/plain"), "UNSUPPORTED_MEDIA_TYPE", 415),
        (exceptions.Throttled(wait=5), "RATE_LIMITED", 429),
        (exceptions.ParseError(), "MALFORMED", 400),
        (exceptions.ValidationError({"title": ["Wrong."]}), "INVALID", 400),
        (exceptions.APIException(), "ERROR", 500),
    ],
)
def test_every_error_is_a_problem_with_a_code(failure, code, status):
    response = answer(failure)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert (
        json.loads(response.content)["code"],
        json.loads(response.content)["status"],
        json.loads(response.content)["type"],
    ) == (code, status, "about:blank")
    assert json.loads(response.content)["detail"]


def test_every_error_of_the_framework_has_a_code_of_its_own():
    known = {cls for cls in vars(exceptions).values() if isinstance(cls, type) and issubclass(cls, Exception)}
    raised = {cls for cls in known if cls.__module__ == exceptions.__name__} - {exceptions.APIException}
    assert raised <= set(api.CODES)


def test_a_defect_stays_a_defect():
    assert answer(KeyError("title")) is None


def test_a_refusal_shows_its_fields_and_what_else_it_carries():
    refusal = Refusal("INVALID", "Wrong.", fields={"title": ["Too long."]}, upload="42")
    assert said_by(refusal)["errors"] == {"title": ["Too long."]}
    assert said_by(refusal)["upload"] == "42"
    assert "errors" not in said_by(NotFound())


@pytest.mark.parametrize(
    ("detail", "errors"),
    [
        ({"title": ["Too long.", "Too dull."]}, {"title": ["Too long.", "Too dull."]}),
        ({"owner": {"name": ["Blank."]}}, {"owner.name": ["Blank."]}),
        ({"mood": {0: ["Blank."], 2: ["Too long."]}}, {"mood.0": ["Blank."], "mood.2": ["Too long."]}),
        ({"a": {"b": {"c": ["Deep."]}}, "d": ["Flat."]}, {"a.b.c": ["Deep."], "d": ["Flat."]}),
        ({"sections": [{}, {"start": ["Wrong."]}]}, {"sections.1.start": ["Wrong."]}),
        ([{"name": ["Blank."]}], {"non_field_errors.0.name": ["Blank."]}),
        ("Wrong.", {"non_field_errors": ["Wrong."]}),
    ],
)
def test_nested_errors_become_flat_names_with_lists_of_words(detail, errors):
    assert said_by(exceptions.ValidationError(detail))["errors"] == errors


def test_errors_of_a_model_keep_their_fields():
    with pytest.raises(ValidationError) as invalid:
        Profile(username="!").full_clean(exclude=["user"], validate_unique=False, validate_constraints=False)
    assert set(said_by(invalid.value)["errors"]) == {"username"}


def test_the_detail_is_the_first_error_with_its_field():
    said = exceptions.ValidationError({"title": ["Too long."], "genre": ["Unknown."]})
    assert said_by(said)["detail"] == "title: Too long."
    assert said_by(exceptions.ValidationError("Wrong."))["detail"] == "Wrong."


@pytest.mark.django_db
def test_a_wall_of_the_database_answers_409_and_tells_the_operator_which(ana, bob, caplog):
    with pytest.raises(IntegrityError) as wall, transaction.atomic():
        Profile.objects.filter(user=bob).update(username="ANA")
    response = answer(wall.value)
    assert (response.status_code, json.loads(response.content)["code"]) == (409, "CONFLICT")
    assert "profile_username" in caplog.text
    assert "profile" not in json.loads(response.content)["detail"]


@pytest.mark.django_db
def test_a_value_the_database_cannot_hold_answers_409():
    with pytest.raises(DataError) as wall, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 100000::smallint")
    assert answer(wall.value).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_who_waits_in_vain_for_a_row_is_told_to_come_again_and_a_slow_statement_stays_a_defect():
    ana = make_user("ana")
    with transaction.atomic():
        Profile.objects.select_for_update().get(user=ana)
        (waited,) = side_by_side(impatient(lambda: Profile.objects.filter(user=ana).update(username="anna")))
    response = answer(waited)
    assert (response.status_code, json.loads(response.content)["code"]) == (409, "BUSY")
    with pytest.raises(OperationalError) as slow, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(1)")
    assert answer(slow.value) is None


@pytest.mark.django_db
def test_nobody_waits_for_a_row_as_long_as_for_a_statement():
    """Eight threads that wait for a bulk edit's end are all that a web server has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout')::interval < current_setting('statement_timeout')::interval"
        )
        assert cursor.fetchone() == (True,)


def test_a_refusal_to_wait_says_for_how_long():
    assert answer(exceptions.Throttled(wait=4.2))["Retry-After"] == "5"


def test_a_view_that_names_no_policy_is_closed_to_everyone(rf):
    response = view()(rf.get("/"))
    assert (response.status_code, json.loads(response.content)["code"]) == (401, "SIGN_IN_REQUIRED")


@pytest.mark.django_db
def test_a_view_that_names_no_policy_is_closed_to_admins_too(boss):
    request = APIRequestFactory().get("/")
    request.user = boss
    assert view()(request).status_code == 403


def test_a_players_accept_header_is_no_reason_to_refuse(rf):
    request = rf.get("/", headers={"Accept": "audio/*"})
    open_to_all = {"permission_classes": []}
    assert view(**open_to_all)(request).status_code == 406
    assert view(**open_to_all, content_negotiation_class=api.AnyAccept)(request).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "sent", "code", "status"),
    [
        ("put", {"data": {}, "format": "json"}, "METHOD_NOT_ALLOWED", 405),
        ("post", {"data": "{", "content_type": "application/json"}, "MALFORMED", 400),
        ("post", {"data": "x", "content_type": "text/plain"}, "UNSUPPORTED_MEDIA_TYPE", 415),
        ("post", {"data": {}, "format": "json"}, "INVALID", 400),
    ],
)
def test_problems_reach_the_client_as_problem_json(as_, ana, method, sent, code, status):
    response = getattr(as_(ana), method)(URL, **sent)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code


@pytest.mark.django_db
def test_who_is_not_signed_in_learns_how_to(as_):
    response = as_(None).post(URL, {}, format="json")
    assert (response.status_code, response.json()["code"]) == (401, "SIGN_IN_REQUIRED")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
def test_json_of_more_than_a_few_megabytes_is_refused_unread(as_, ana):
    refused = as_(ana).generic("POST", "/api/v1/tracks", b" " * 3_000_000, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (413, "TOO_LARGE")


@pytest.mark.django_db
def test_json_nested_beyond_reason_is_malformed(as_, ana):
    refused = as_(ana).generic("POST", "/api/v1/tracks", "[" * 100_000, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "MALFORMED")


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{"key": "\ud800"}, {"scale": "\udfff"}, {"title": "\ud800"}])
def test_half_a_character_is_400_and_can_be_said_back(as_, ana, body):
    raw = json.dumps({"title": "x", **body})
    refused = as_(ana).generic("POST", "/api/v1/tracks", raw, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")


@pytest.mark.parametrize("path", ["/api/v1/docs/", "/api/v1/schema/"])
@pytest.mark.parametrize("method", ["options", "post", "put", "delete"])
def test_the_docs_are_for_reading_and_say_so_as_a_problem(client, path, method):
    refused = getattr(client, method)(path)
    assert (refused.status_code, refused.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_a_problem_is_json_whatever_the_request_would_accept(client):
    refused = client.get("/api/v1/docs/", HTTP_ACCEPT="text/nope")
    assert refused.status_code == 406 and refused.json()["code"] == "NOT_ACCEPTABLE"
