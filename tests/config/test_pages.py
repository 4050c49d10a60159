import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory

from apps.lib.api import PROBLEM
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
    answer = Client(enforce_csrf_checks=True).post("/sign-in", {"username": "ana@example.org", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.content.decode()


def test_signing_in_goes_by_e_mail_whatever_its_case_and_leads_on(client, ana):
    answer = client.post("/sign-in", {"username": "ANA@Example.org", "password": PASSWORD, "next": "/upload"})
    assert (answer.status_code, answer["Location"]) == (302, "/upload")
    assert client.session["_auth_user_id"] == str(ana.pk)


def test_signing_in_never_leads_to_another_site(client, ana):
    form = {"username": "ana@example.org", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/sign-in", form)["Location"] == "/"


@pytest.mark.parametrize("email", ["ana@example.org", "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_words(client, ana, email):
    answer = client.post("/sign-in", {"username": email, "password": "wrong"})
    shown = answer.content.decode()
    assert "This e-mail address and password do not match." in shown
    assert f'value="{email}"' in shown
    assert "_auth_user_id" not in client.session


def test_an_address_that_is_none_is_said_to_be_so(client, db):
    shown = client.post("/sign-in", {"username": "ana", "password": "x"}).content.decode()
    assert "Enter a valid email address." in shown


def test_signing_out_needs_a_post(as_, ana):
    client = as_(ana)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out")["Location"] == "/"
    assert "_auth_user_id" not in client.session
