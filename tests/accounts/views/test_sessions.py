"""`/account/sessions`: the page (S4-09)."""

import re

import pytest
from django.test import Client

from apps.accounts.models import Session

pytestmark = pytest.mark.django_db

PAGE, OTHERS = "/account/sessions", "/account/sessions/others/end"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def browsers(ana) -> list[Client]:
    made = [Client(), Client()]
    for client in made:
        client.force_login(ana)
    return made


def row_of(client) -> Session:
    return Session.objects.get(session_key=client.session.row_key)


def ending(client) -> str:
    return f"{PAGE}/{row_of(client).id}/end"


def is_in(client) -> bool:
    return client.get(PAGE).status_code == 200


def test_the_page_names_each_browser_and_marks_the_one_in_use(browsers):
    here, there = browsers
    Session.objects.filter(pk=row_of(there).pk).update(address="192.0.2.7", agent=FIREFOX)
    page = here.get(PAGE).content.decode()
    assert page.count("This browser") == 1
    assert page.index("This browser") < page.index("Firefox on Windows")
    assert "192.0.2.7" in page
    assert len(re.findall(r"<button[^>]*>Sign out</button>", page.partition("<main")[2])) == 2
    assert "Sign out everywhere else" in page


def test_one_browser_alone_has_no_elsewhere(ana):
    client = Client()
    client.force_login(ana)
    assert "everywhere else" not in client.get(PAGE).content.decode()


def test_a_browser_that_calls_itself_a_script_runs_nothing(browsers):
    Session.objects.update(agent="<script>alert(1)</script> Firefox")
    assert "<script>alert" not in browsers[0].get(PAGE).content.decode()


def test_another_browser_is_signed_out(browsers):
    here, there = browsers
    answer = here.post(ending(there), follow=True)
    assert answer.redirect_chain == [(PAGE, 302)] and "Signed out" in answer.content.decode()
    assert (is_in(here), is_in(there)) == (True, False)


def test_the_browser_in_use_is_signed_out_and_leaves(browsers):
    here, there = browsers
    answer = here.post(ending(here), follow=True)
    assert answer.redirect_chain == [("/", 302)] and "Signed out" in answer.content.decode()
    assert (is_in(here), is_in(there)) == (False, True)


def test_everywhere_else_is_signed_out(browsers, bob):
    here, there = browsers
    stranger = Client()
    stranger.force_login(bob)
    assert here.post(OTHERS).url == PAGE
    assert [is_in(client) for client in (here, there, stranger)] == [True, False, True]


def test_somebody_elses_browser_is_not_there(browsers, boss):
    client = Client()
    client.force_login(boss)
    assert client.post(ending(browsers[0])).status_code == 404
    assert is_in(browsers[0])


def test_nothing_ends_by_a_get_or_without_the_token(browsers, ana):
    here, there = browsers
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ana)
    for path in (ending(there), OTHERS):
        assert here.get(path).status_code == 405
        assert strict.post(path).status_code == 403
    assert is_in(there)


@pytest.mark.parametrize("path", [PAGE, OTHERS, f"{PAGE}/00000000-0000-7000-8000-000000000000/end"])
def test_the_anonymous_are_asked_to_sign_in(client, path):
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 302 and answer.url.startswith("/sign-in?")
