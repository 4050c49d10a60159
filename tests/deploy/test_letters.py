"""The demo's letters are read on the screen of `bin/up`."""

from pathlib import Path

from django.core.mail import EmailMessage, get_connection

from apps.lib.email_url import backend_from_url
from deploy.local import folder, up
from deploy.local.letters import Letters

LINK = "http://127.0.0.1:8000/verify-email/" + "a-long-token-" * 20


def write(letters: Letters, text: str) -> None:
    message = EmailMessage("Confirm your address", text, to=["ana@example.org"])
    get_connection(**backend_from_url(letters.email_url)).send_messages([message])


def test_a_letter_is_shown_once_with_its_link_whole_on_a_line(tmp_path):
    path = tmp_path / "log #1"
    write(Letters(path), "of an earlier run")
    letters = Letters(path)
    assert letters.news() == ""
    write(letters, f"Here:\n\n{LINK}\n")
    shown = letters.news()
    assert LINK in shown.splitlines() and "ana@example.org" in shown and "earlier" not in shown
    assert letters.news() == ""


def test_half_a_line_waits_for_its_end(tmp_path):
    letters = Letters(tmp_path / "log")
    letters.path.write_text("one\ntw")
    assert letters.news() == "one"
    letters.path.write_text("one\ntwo\n")
    assert (letters.news(), letters.news()) == ("two", "")


def test_the_programs_write_their_letters_there_unless_a_mail_server_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("EMAIL_URL", raising=False)
    place, options = folder.prepare(tmp_path), up.parse(["--no-demo"])
    told = backend_from_url(up.environment(place, options)["EMAIL_URL"])
    assert Path(told["path"]) == tmp_path / "log" / "letters.log"
    monkeypatch.setenv("EMAIL_URL", "smtp://mail.example")
    assert up.environment(place, options)["EMAIL_URL"] == "smtp://mail.example"
