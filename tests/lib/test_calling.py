"""One short call to an address of the operator's: bounded, no redirects, and nothing secret in what it says."""

import pytest

from apps.lib import calling
from tests.fakes.listener import Listener


@pytest.fixture
def listener():
    with Listener() as running:
        yield running


def test_without_a_body_it_asks_and_with_one_it_posts(listener):
    calling.call(f"{listener.origin}/a?b=c")
    calling.call(f"{listener.origin}/a", body=b"{}", headers={"X-Mark": "1"})
    assert [(h.method, h.path, h.body) for h in listener.heard] == [("GET", "/a?b=c", b""), ("POST", "/a", b"{}")]
    assert listener.heard[1].headers["x-mark"] == "1"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_other_status_is_a_failure_and_no_redirect_is_followed(listener, status):
    listener.status = status
    with pytest.raises(calling.CallFailed, match=str(status)):
        calling.call(f"{listener.origin}/token")
    assert len(listener.heard) == 1


def test_who_does_not_answer_is_left_behind(listener, monkeypatch):
    monkeypatch.setattr(calling, "DEADLINE_S", 0.2)
    listener.silent = True
    with pytest.raises(calling.CallFailed):
        calling.call(listener.origin)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/secret", "http://[", "gopher://x/secret"])
def test_what_cannot_be_reached_is_a_failure_that_names_no_address(address):
    with pytest.raises(calling.CallFailed) as failure:
        calling.call(address)
    assert "secret" not in str(failure.value)


def test_a_signature_depends_on_body_secret_and_time():
    marks = {calling.signature(body, key, at=at) for body in (b"a", b"b") for key in "xy" for at in (1, 2)}
    assert len(marks) == 8
    assert calling.signature(b"a", "x", at=1).startswith("t=1,v1=")
