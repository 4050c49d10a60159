import pytest

from apps.lib.email_url import CONSOLE, SMTP, backend_from_url, sender


def test_smtp_is_with_starttls_unless_said_otherwise():
    backend = backend_from_url("smtp://team%40house:s%2Fe%40c%3Aret@mail.example:2587")
    assert backend["backend"] == SMTP
    assert (backend["host"], backend["port"]) == ("mail.example", 2587)
    assert (backend["username"], backend["password"]) == ("team@house", "s/e@c:ret")
    assert (backend["use_tls"], backend["use_ssl"], backend["timeout"]) == (True, False, 15)


@pytest.mark.parametrize(
    ("url", "port", "use_tls", "use_ssl"),
    [
        ("smtp://mail.example", 587, True, False),
        ("smtp://mail.example/?tls=1", 587, True, False),
        ("smtp://mail.example?tls=0", 25, False, False),
        ("smtps://mail.example", 465, False, True),
        ("smtps://[::1]:4650", 4650, False, True),
    ],
)
def test_each_way_has_its_port(url, port, use_tls, use_ssl):
    backend = backend_from_url(url)
    assert (backend["port"], backend["use_tls"], backend["use_ssl"]) == (port, use_tls, use_ssl)
    assert (backend["username"], backend["password"]) == ("", "")


def test_the_console_prints_or_appends_to_a_file():
    assert backend_from_url("console://") == {"backend": CONSOLE}
    assert backend_from_url("console:///var/the%20log") == {"backend": CONSOLE, "path": "/var/the log"}


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("", "console://, smtp:// or smtps://"),
        ("mail.example", "console://, smtp:// or smtps://"),
        ("https://user:hidden@mail.example", "console://, smtp:// or smtps://"),
        ("console://here", "console:// alone"),
        ("console:///var/log?x=1", "console:// alone"),
        ("console:///var/../log", "absolute path"),
        ("console:///", "absolute path"),
        ("smtp://", "host is missing"),
        ("smtp://user:hidden@", "host is missing"),
        ("smtp://user@mail.example", "user or the password"),
        ("smtp://:hidden@mail.example", "user or the password"),
        ("smtp://user:hidden@mail.example:port", "port"),
        ("smtp://user:hidden@mail.example/inbox", "nothing may follow"),
        ("smtp://user:hid/hidden@mail.example", "port"),
        ("smtp://user:hid#hidden@mail.example", "%23"),
        ("smtp://user:hidden@[mail", "host part"),
        ("smtp://user:hidden@mail.example?tls=yes", "tls"),
        ("smtp://user:hidden@mail.example?ssl=1", "tls"),
        ("smtps://user:hidden@mail.example?tls=1", "no options"),
    ],
)
def test_a_wrong_url_is_explained_without_its_password(url, names):
    with pytest.raises(ValueError, match="EMAIL_URL is wrong") as refusal:
        backend_from_url(url)
    assert names in str(refusal.value)
    assert "hid" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize("value", ["house@example.org", "Keeptrack <house@localhost>"])
def test_a_sender_is_an_address_with_or_without_a_name(value):
    assert sender(value) == value


@pytest.mark.parametrize("value", ["", "Keeptrack", "Keeptrack <>", "house@", "a@b\nBcc: c@d", "a b@c <d>"])
def test_a_sender_that_no_server_takes_is_refused(value):
    with pytest.raises(ValueError, match="EMAIL_FROM is wrong"):
        sender(value)
