import json

import pytest
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError
from django.http import HttpResponse, HttpResponseBadRequest
from django.test import Client, RequestFactory
from psycopg.errors import LockNotAvailable
from redis.exceptions import ConnectionError

from apps.accounts.models import User
from apps.lib.api import PROBLEM
from apps.lib.errors import Conflict, Refusal
from config import pages
from tests.make import PASSWORD

HANDLERS = {400: pages.bad_request, 403: pages.permission_denied, 404: pages.page_not_found}


def request_for(path: str):
    request = RequestFactory().get(path)
    request.user = AnonymousUser()
    return request


@pytest.mark.parametrize("status", HANDLERS)
def test_an_error_for_people_is_a_page_of_the_house(status):
    answer = HANDLERS[status](request_for("/somewhere"), PermissionDenied())
    shown = answer.content.decode()
    assert answer.status_code == status
    assert pages.ERRORS[status][1] in shown
    assert "Sign in" in shown


@pytest.mark.parametrize("status", HANDLERS)
def test_an_error_for_programs_is_a_problem_with_a_code(status):
    answer = HANDLERS[status](request_for("/api/v1/somewhere"), PermissionDenied())
    body = json.loads(answer.content)
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert (body["status"], body["code"]) == (status, pages.ERRORS[status][0])


def test_a_breakdown_is_answered_without_session_and_database():
    """No database mark: a query here fails the test."""
    answer = pages.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
    problem = json.loads(pages.server_error(RequestFactory().get("/api/v1/tracks")).content)
    assert problem["code"] == "SERVER_ERROR"


@pytest.mark.django_db
def test_an_unknown_address_gets_the_page_or_the_problem(client):
    assert "There is nothing here" in client.get("/nowhere").content.decode()
    answer = client.get("/api/v1/nowhere")
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (404, PROBLEM, "NOT_FOUND")


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_the_house_look():
    answer = Client(enforce_csrf_checks=True).post("/sign-in", {"login": "ana@example.org", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.content.decode()


def test_signing_in_goes_by_e_mail_whatever_its_case_and_leads_on(client, ana):
    answer = client.post("/sign-in", {"login": "ANA@Example.org", "password": PASSWORD, "next": "/upload"})
    assert (answer.status_code, answer["Location"]) == (302, "/upload")
    assert client.session["_auth_user_id"] == str(ana.pk)


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", r"\\evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_to_another_site(client, ana, there):
    form = {"login": "ana@example.org", "password": PASSWORD, "next": there}
    assert client.post("/sign-in", form)["Location"] == "/"


@pytest.mark.parametrize("email", ["ana@example.org", "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_words(client, ana, email):
    answer = client.post("/sign-in", {"login": email, "password": "wrong"})
    shown = answer.content.decode()
    assert "This e-mail address and password do not match." in shown
    assert f'value="{email}"' in shown
    assert "_auth_user_id" not in client.session


def test_an_address_that_is_none_is_said_to_be_so(client, db):
    shown = client.post("/sign-in", {"login": "ana", "password": "x"}).content.decode()
    assert "Enter a valid email address." in shown


def test_where_to_go_after_signing_in_is_kept_on_the_way_to_signing_up_and_back(client, db):
    assert 'href="/sign-up?next=%2Fupload"' in client.get("/sign-in?next=/upload").content.decode()
    signing_up = client.get("/sign-up?next=/upload").content.decode()
    assert 'href="/sign-in?next=%2Fupload"' in signing_up
    assert '<input type="hidden" name="next" value="/upload">' in signing_up


@pytest.mark.parametrize(("username", "said"), [("!", "Use 2 to 30 of a to z"), ("ANA", "This name is taken.")])
def test_a_username_nobody_may_choose_is_refused_beside_its_field(client, ana, username, said):
    form = {"email": "new@example.org", "password1": PASSWORD, "profile_username": username}
    shown = client.post("/sign-up", form).content.decode()
    assert said in shown
    assert 'aria-describedby="id_profile_username_helptext id_profile_username_error"' in shown
    assert not User.objects.filter(email="new@example.org").exists()


def test_signing_out_needs_a_post(as_, ana):
    client = as_(ana)
    assert "Sign out" in client.get("/sign-out").content.decode()
    assert "_auth_user_id" in client.session
    assert client.post("/sign-out")["Location"] == "/"
    assert "_auth_user_id" not in client.session


def test_too_many_requests_get_a_page_of_the_house():
    answer = pages.too_many(request_for("/somewhere"))
    assert answer.status_code == 429
    assert "Too many requests" in answer.content.decode()


# --- Walls within a page ----------------------------------------------------------------------------------------------
LONG_HELD = OperationalError("canceling statement due to lock timeout")
LONG_HELD.__cause__ = LockNotAvailable()
WALLS = {
    LONG_HELD: (409, "BUSY", "try again in a minute"),
    Conflict("Somebody was faster."): (409, "CONFLICT", "Somebody was faster."),
    Refusal("FULL", "No room.", status=507): (507, "FULL", "No room."),
    IntegrityError("duplicate key\nDETAIL: ana@example.org"): (409, "CONFLICT", "contradicts what is stored"),
    ConnectionError("away"): (503, "UNAVAILABLE", "Try again in a minute"),
    RecursionError(): (400, "MALFORMED", "was not understood"),
    UnicodeEncodeError("utf-8", "x", 0, 1, "half"): (400, "MALFORMED", "was not understood"),
    ImmediateHttpResponse(HttpResponseBadRequest()): (400, "MALFORMED", "was not understood"),
}


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: type(wall).__name__)
@pytest.mark.parametrize("path", ["/account/email", "/_allauth/browser/v1/auth/login", "/hooks/stripe"])
def test_a_wall_within_a_page_is_told_in_words_and_never_as_a_defect(wall, path):
    status, code, words = WALLS[wall]
    answer = pages.Refused(lambda request: None).process_exception(request_for(path), wall)
    shown = answer.content.decode()
    assert answer.status_code == status and words in shown and "ana@example.org" not in shown
    if path.startswith(pages.FOR_PROGRAMS):
        assert json.loads(shown)["code"] == code


@pytest.mark.parametrize("defect", [ValueError("x"), KeyError("x"), ImmediateHttpResponse(HttpResponse("words"))])
def test_what_is_no_wall_is_left_alone(defect):
    assert pages.Refused(lambda request: None).process_exception(request_for("/"), defect) is None


def test_a_session_that_ended_meanwhile_is_no_bad_request():
    """No database mark: the page is told without asking who it was."""
    answer = pages.bad_request(RequestFactory().get("/"), SessionInterrupted())
    assert answer.status_code == 401 and "You are signed out" in answer.content.decode()
