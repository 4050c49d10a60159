#!/usr/bin/env python3
"""Two clients that other people wrote upload 45 MB by tus, each with five forced breaks, against the real site.

tuspy and tus-js-client come from their registries, unchanged, so this needs the network, npm and node. Between client
and site stands a door that cuts the connection five times, each time after another part of the file. The site is
gunicorn with a worker behind it, on a database and a broker of this run alone; they, the files and the clients lie in
a folder that is gone afterwards. Exit code 1 when what is stored is not what was sent.
"""

import contextlib
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TUSPY, TUS_JS = "1.1.0", "4.3.1"
SIZE, BREAKS = 45_000_000, 5
# After so many bytes of a connection it is cut.
CUT_AFTER = (3_000_000, 9_500_000, 1_000_001, 12_000_000, 6_000_000)
PATIENCE_S = 180

IN_PYTHON = """
import sys
from tusclient.client import TusClient
path, url, key = sys.argv[1:]
client = TusClient(url, headers={"Authorization": f"Bearer {key}"})
uploader = client.uploader(path, metadata={"filename": "python.wav", "title": "By tuspy"}, retries=9, retry_delay=1)
uploader.upload()
print(uploader.url)
"""
IN_NODE = """
const fs = require('fs'), tus = require('tus-js-client')
const [path, url, key] = process.argv.slice(2)
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint: url, uploadSize: fs.statSync(path).size, headers: { Authorization: `Bearer ${key}` },
  metadata: { filename: 'node.wav', title: 'By tus-js-client' }, retryDelays: [200, 500, 1000, 2000],
  onError: (error) => { console.error(String(error)); process.exit(1) },
  onSuccess: () => { console.log(upload.url) },
})
upload.start()
"""


class Door:
    """Passes connections on to the site, and cuts as many of them as it was told to, mid-way."""

    def __init__(self, port: int, site: int):
        self.site, self.left, self.cuts = site, list(CUT_AFTER), 0
        self.server = socket.create_server(("127.0.0.1", port), backlog=32)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            wire, _ = self.server.accept()
            inner = socket.create_connection(("127.0.0.1", self.site))
            threading.Thread(target=self._up, args=(wire, inner), daemon=True).start()
            threading.Thread(target=self._down, args=(inner, wire), daemon=True).start()

    def _up(self, wire: socket.socket, inner: socket.socket) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := wire.recv(65536):
                passed += len(data)
                inner.sendall(data)
                if self.left and passed > self.left[0]:
                    self.left.pop(0)
                    self.cuts += 1
                    break
        for each in (wire, inner):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _down(self, inner: socket.socket, wire: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := inner.recv(65536):
                wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)


def music(path: Path, seed: int) -> str:
    """A WAV of SIZE bytes that no other run has; its SHA-256."""
    import numpy as np

    header = io.BytesIO()
    frames = (SIZE - 44) // 4
    noise = np.random.default_rng([seed, time.time_ns()]).integers(-9000, 9000, (frames, 2), dtype="<i2")
    with wave.open(header, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(44100)
        out.writeframes(noise.tobytes())
    path.write_bytes(header.getvalue())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    with tempfile.TemporaryDirectory() as name, servers(Path(name)):
        folder = Path(name)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from bench.coming_in import site, uploader
        from deploy.local.ports import free_port

        inner = free_port(start=18800)
        clients = {"tuspy": python_client(folder), "tus-js-client": node_client(folder)}
        with uploader() as (key, _), site(inner, folder), worker(folder):
            return max(upload(name, command, folder, inner, key) for name, command in clients.items())


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[None]:
    """PostgreSQL and Valkey of this run alone, whatever the environment names."""
    from deploy.local import suite
    from deploy.local.folder import prepare
    from deploy.local.screen import Screen
    from deploy.local.supervise import Supervisor

    for given in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL"):
        os.environ.pop(given, None)
    place = prepare(folder)
    supervisor = Supervisor(place, Screen(), suite.environment(place))
    try:
        suite.start_servers(supervisor)
        os.environ |= supervisor.env
        yield
    finally:
        supervisor.stop()


def python_client(folder: Path) -> list[str]:
    subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
    python = folder / "python" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", f"tuspy=={TUSPY}"], check=True, stderr=subprocess.DEVNULL)
    (folder / "client.py").write_text(IN_PYTHON)
    return [str(python), str(folder / "client.py")]


def node_client(folder: Path) -> list[str]:
    command = ["npm", "install", "--silent", "--no-audit", "--prefix", folder, f"tus-js-client@{TUS_JS}"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    (folder / "client.cjs").write_text(IN_NODE)
    return ["node", str(folder / "client.cjs")]


@contextlib.contextmanager
def worker(folder: Path) -> Iterator[None]:
    """Celery, which checks what has come and makes its copies."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "work", "-c", "1", "-l", "WARNING"]
    command += ["-n", f"foreign-{os.getpid()}@localhost", "--without-gossip", "--without-mingle"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()  # what it was at is gone with the folder
        process.wait(30)


def upload(name: str, command: list[str], folder: Path, inner: int, key: str) -> int:
    """0 when what the site stored is what the client had."""
    from apps.uploads import tasks
    from apps.uploads.models import Upload
    from deploy.local.ports import free_port

    source = folder / f"{name}.wav"
    expected = music(source, len(name))
    port = free_port(start=18850)
    door = Door(port, inner)
    done = subprocess.run(
        [*command, str(source), f"http://127.0.0.1:{port}/api/v1/uploads/tus", key],
        capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    if done.returncode:
        print(f"{name}: failed after {door.cuts} breaks\n{done.stderr[-2000:]}")
        return 1
    row = Upload.objects.get(pk=done.stdout.strip().rpartition("/")[2])
    until = time.monotonic() + PATIENCE_S
    while row.state in ("receiving", "received") and time.monotonic() < until:
        tasks.nudge(row)
        time.sleep(1)
        row.refresh_from_db()
    kept = stored(row)
    good = kept == expected and door.cuts == BREAKS
    said = {"client": name, "bytes": SIZE, "breaks": door.cuts, "state": row.state, "sent": expected, "stored": kept}
    print(json.dumps(said), flush=True)
    return int(not good)


def stored(row) -> str:
    """The SHA-256 of the bytes that lie in the store; empty when there are none."""
    if row.track is None:
        return ""
    with row.track.files.get(role="original").blob.open() as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
