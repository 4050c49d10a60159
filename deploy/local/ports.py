"""TCP ports: is one free, who has it, which other one would do."""

import contextlib
import os
import re
import socket
from pathlib import Path

from deploy.local.screen import Trouble

LISTENING = "0A"


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. A port in TIME_WAIT is free, as it is for the servers."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1", start: int | None = None) -> int:
    """`start` if nobody has it, else any free one."""
    if start and is_free(host, start):
        return start
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def require(host: str, port: int) -> None:
    """Refuse a port that is taken or cannot be had."""
    try:
        free = is_free(host, port)
    except socket.gaierror as error:
        raise Trouble(f"{host} is no address of this machine.", "bin/up --host 127.0.0.1") from error
    if free:
        return
    holder = holder_of(port)
    if not holder and port < 1024 and os.geteuid():
        raise Trouble(f"Port {port} is reserved for root.", "bin/up --port 8000")
    raise Trouble(
        f"Port {port} is taken" + (f" by {holder}." if holder else "."),
        f"bin/up --port {free_port(start=port + 1)}",
        "or stop the program that has it",
    )


def holder_of(port: int) -> str:
    """`process 123 (its command line)`, or "" where the system does not say."""
    inodes = _listening_inodes(port)
    if not inodes:
        return ""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            for entry in folder.iterdir():
                found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
                if found and found[1] in inodes:
                    words = (folder.parent / "cmdline").read_bytes().decode(errors="replace").split("\0")
                    return f"process {folder.parent.name} ({' '.join(words).strip()[:80]})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for row in Path(table).read_text().splitlines()[1:]:
                cells = row.split()
                if cells[3] == LISTENING and int(cells[1].rpartition(":")[2], 16) == port:
                    found.add(cells[9])
    return found
