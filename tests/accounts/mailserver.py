"""A mail server on loopback that keeps what it is given and refuses what it is told to refuse."""

import email
import socketserver
import threading
from email.message import EmailMessage
from email.policy import default

ANSWERS = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "235 welcome"}


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.house, self.sender, self.recipients = self.server.house, "", []
        self.house.calls += 1
        self.say("220 ready")
        for line in self.rfile:
            verb = line[:4].decode().upper().strip()
            refusal = self.house.refusals.get(verb)
            if refusal:
                self.say(refusal)
            elif verb == "DATA":
                self.keep()
            else:
                self.obey(verb, line)
            if verb == "QUIT":
                return

    def obey(self, verb: str, line: bytes) -> None:
        if verb == "MAIL":
            self.sender, self.recipients = _within(line), []
        if verb == "RCPT":
            self.recipients.append(_within(line))
            if _within(line) in self.house.unknown:
                self.say("550 5.1.1 no such mailbox")
                return
        self.say(ANSWERS.get(verb, "250 ok"))

    def keep(self) -> None:
        self.say("354 go on")
        lines = iter(self.rfile.readline, b".\r\n")
        content = b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)
        self.house.letters.append((self.recipients, email.message_from_bytes(content, policy=default)))
        self.say("250 taken")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def _within(line: bytes) -> str:
    return line.decode().partition("<")[2].partition(">")[0]


class MailServer:
    """`letters`: (recipients, message) in order. `refusals`: what a verb is answered. `unknown`: refused addresses."""

    def __init__(self, port: int = 0):
        self.letters: list[tuple[list[str], EmailMessage]] = []
        self.refusals: dict[str, str] = {}
        self.unknown: set[str] = set()
        self.calls = 0
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port), _Talk)
        self.server.daemon_threads, self.server.house = True, self
        self.port = self.server.server_address[1]

    def __enter__(self) -> "MailServer":
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *what) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, options: str = "tls=0", who: str = "") -> str:
        return f"smtp://{who}127.0.0.1:{self.port}?{options}"
