import stat

from django.core.mail import EmailMultiAlternatives, get_connection

from apps.lib.email_url import backend_from_url

LINK = "http://127.0.0.1:8000/verify-email/" + "a-long-token-" * 20


def send(url: str) -> None:
    message = EmailMultiAlternatives("Grüße", f"Confirm here:\n\n{LINK}\n", to=["ana@example.org"])
    message.attach_alternative("<p>unread</p>", "text/html")
    assert get_connection(**backend_from_url(url)).send_messages([message]) == 1


def test_a_letter_is_printed_to_be_read_with_its_link_whole_on_a_line(capsys):
    send("console://")
    lines = capsys.readouterr().out.splitlines()
    assert LINK in lines
    assert "E-mail to  ana@example.org" in lines and "Subject    Grüße" in lines


def test_letters_are_appended_to_a_file_that_nobody_else_reads(tmp_path, capsys):
    path = tmp_path / "the letters"
    for _ in range(2):
        send(f"console://{tmp_path}/the%20letters")
    assert path.read_text().count(LINK) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capsys.readouterr().out == ""
