"""A real S3 server on 127.0.0.1 for the tests and for trying out: OpenStack Swift behind its S3 door.

It checks signatures, expiry and checksums as a hosted store does. It needs the development requirements and a
file system with user extended attributes. `python -m deploy.local.objectstore --directory var/s3 --port 8333`
"""

import argparse
import contextlib
import ctypes
import importlib.util
import os
import pwd
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parents[2]
ACCESS_KEY = "keeptrack:keeptrack"
BUCKET = "keeptrack"
REGION = "us-east-1"
SERVERS = {"account": "account", "container": "container", "object": "obj", "proxy": "proxy"}
READY_SECONDS = 30
PR_SET_PDEATHSIG = 1

SERVER_CONF = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {directory}
devices = {directory}/devices
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = WARNING

[pipeline:main]
pipeline = {pipeline}

[app:{name}-server]
use = egg:swift#{name}
"""

PROXY_CONF = """
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:gatekeeper]
use = egg:swift#gatekeeper

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:bulk]
use = egg:swift#bulk

[filter:s3api]
use = egg:swift#s3api
location = {region}

[filter:tempauth]
use = egg:swift#tempauth
user_{user_entry} = {secret} .admin

[filter:slo]
use = egg:swift#slo
"""


class ObjectStore:
    """Four Swift servers around one directory, with one bucket made; `url` is its STORAGE_URL.

    Use it from the main thread: the servers end when the thread that started them ends.
    """

    def __init__(self, directory: Path | str, *, port: int = 0):
        self.directory = Path(directory).resolve()
        self.port = port
        self.secret = ""
        self._servers: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """The STORAGE_URL of the bucket; holds the secret."""
        user, secret = quote(ACCESS_KEY, safe=""), quote(self.secret, safe="")
        return f"s3://{user}:{secret}@127.0.0.1:{self.port}/{BUCKET}?region={REGION}&secure=0&addressing=path"

    def __enter__(self) -> "ObjectStore":
        _require_swift()
        (self.directory / "devices" / "d1").mkdir(parents=True, exist_ok=True, mode=0o700)
        _require_extended_attributes(self.directory / "devices" / "d1")
        self.secret = _kept_secret(self.directory / "secret")
        ports = dict(zip(SERVERS, _free_ports(len(SERVERS)), strict=True))
        self.port = ports["proxy"] = self.port or ports["proxy"]
        self._configure(ports)
        try:
            for name in SERVERS:
                self._start(name)
            for name, port in ports.items():
                self._await(name, lambda port=port: _answers(port))
            self._await("proxy", self._make_bucket)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the servers; the stored objects stay in the directory."""
        for server in self._servers.values():
            server.terminate()
        for server in self._servers.values():
            try:
                server.wait(timeout=5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        self._servers.clear()

    def wait(self) -> str:
        """Block until one of the servers ends; its name."""
        while True:
            for name, server in self._servers.items():
                if server.poll() is not None:
                    return name
            time.sleep(0.5)

    def _configure(self, ports: dict[str, int]) -> None:
        (self.directory / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = keeptrack\n")
        for name, port in ports.items():
            pipeline = f"{name}-server"
            if name == "proxy":
                pipeline = f"catch_errors gatekeeper listing_formats bulk s3api tempauth slo {pipeline}"
            user = pwd.getpwuid(os.geteuid()).pw_name
            text = SERVER_CONF.format(name=name, port=port, user=user, directory=self.directory, pipeline=pipeline)
            if name == "proxy":
                user_entry = ACCESS_KEY.replace(":", "_")
                text += PROXY_CONF.format(region=REGION, user_entry=user_entry, secret=self.secret)
            conf = self.directory / f"{name}.conf"
            conf.touch(mode=0o600)
            conf.write_text(text)
        # In a child, because importing Swift patches the standard library for its green threads.
        rings = [f"{name}={port}" for name, port in ports.items() if name != "proxy"]
        command = "import sys; from deploy.local.objectstore import build_rings; build_rings(*sys.argv[1:])"
        subprocess.run([sys.executable, "-c", command, str(self.directory), *rings], cwd=ROOT, check=True)

    def _start(self, name: str) -> None:
        command = f"from swift.{SERVERS[name]}.server import main; main()"
        with (self.directory / f"{name}.log").open("wb") as log:
            self._servers[name] = subprocess.Popen(
                [sys.executable, "-c", command, str(self.directory / f"{name}.conf"), "--verbose"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_the_parent(),
            )

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if self._servers[name].poll() is not None or time.monotonic() > deadline:
                tail = (self.directory / f"{name}.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Swift's {name} server did not start:\n{tail}")
            time.sleep(0.05)

    def _make_bucket(self) -> bool:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=self.secret,
            config=Config(s3={"addressing_style": "path"}, proxies={}, retries={"total_max_attempts": 1}),
        )
        try:
            client.create_bucket(Bucket=BUCKET)
        except client.exceptions.BucketAlreadyOwnedByYou:
            pass
        except (BotoCoreError, ClientError):
            return False
        return True


def build_rings(directory: str, *ports: str) -> None:
    """Write one ring of one device for each `name=port`: the map that tells the proxy where things lie."""
    from swift.common.ring import RingBuilder

    for entry in ports:
        name, _, port = entry.partition("=")
        address = {"ip": "127.0.0.1", "port": int(port), "device": "d1"}
        builder = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "meta": "", **address})
        builder.rebalance()
        builder.get_ring().save(str(Path(directory) / f"{name}.ring.gz"))


def _require_swift() -> None:
    if importlib.util.find_spec("swift") is None:
        raise RuntimeError("Swift is not installed: pip install -r requirements-dev.txt")


def _require_extended_attributes(directory: Path) -> None:
    try:
        os.setxattr(directory, "user.keeptrack", b"1" * 2000)
        os.removexattr(directory, "user.keeptrack")
    except (OSError, AttributeError) as fault:
        raise RuntimeError(
            f"The file system of {directory} keeps no user extended attributes, which Swift needs ({fault}). "
            "Use a directory on ext4, xfs or btrfs."
        ) from fault


def _kept_secret(path: Path) -> str:
    """The secret of this directory, made on its first use, so that a restart keeps the same STORAGE_URL."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _die_with_the_parent() -> Callable[[], None]:
    """What a child runs before its program: ask the kernel to end it with us, even after `kill -9`."""
    libc, parent = ctypes.CDLL(None, use_errno=True), os.getpid()

    def in_the_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the request was in place
            os._exit(1)

    return in_the_child


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Turn SIGTERM into the same orderly end as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description="A local S3 server; prints the STORAGE_URL to use.")
    parser.add_argument("--directory", type=Path, default=ROOT / "var" / "s3", help="where objects are kept")
    parser.add_argument("--port", type=int, default=0, help="port of the S3 door; 0 takes a free one")
    options = parser.parse_args()
    with _ending_on_signals(), ObjectStore(options.directory, port=options.port) as store:
        print(f"export STORAGE_URL={shlex.quote(store.url)}", flush=True)
        sys.exit(f"The {store.wait()} server ended; its log is in {options.directory}.")


if __name__ == "__main__":
    main()
