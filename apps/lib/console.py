"""Letters for somebody who sits in front of a demo: readable, each link whole on its line, nothing encoded."""

import os
from typing import IO

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

RULE = "-" * 72


class Console(BaseEmailBackend):
    """Prints letters instead of sending them; with `path` it appends them to a file that only its owner reads."""

    def __init__(self, path: str = "", **options):
        super().__init__(**options)
        self.path = path

    def send_messages(self, email_messages: list[EmailMessage]) -> int:
        for message in email_messages:
            self._write(readable(message))
        return len(email_messages)

    def _write(self, text: str) -> None:
        if not self.path:
            print(text, flush=True)
            return
        with self._file() as file:
            file.write(f"{text}\n")

    def _file(self) -> IO[str]:
        return open(self.path, "a", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))


def readable(message: EmailMessage) -> str:
    """A letter as one reads it: to whom, about what, and its plain text."""
    to, subject = ", ".join(message.recipients()), message.subject
    return f"{RULE}\nE-mail to  {to}\nSubject    {subject}\n\n{message.body.strip()}\n{RULE}"
