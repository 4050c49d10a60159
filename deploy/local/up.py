"""`bin/up`: the whole system on one machine, from an empty folder to an address in a browser."""

import argparse
import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

from deploy.demo.provider_api import KEY, ROUTES, SECRETS
from deploy.local import children, folder, interrupts, ports, servers, statics
from deploy.local.children import POLITE, ROOT, Child, Farewell
from deploy.local.folder import Folder
from deploy.local.healthy import ask
from deploy.local.interrupts import Stopped
from deploy.local.letters import Letters
from deploy.local.screen import Screen, Trouble
from deploy.local.supervise import Service, Supervisor

READY_SECONDS = 90
PREPARED_SECONDS = 10  # an interrupted start waits this long for the password of the account it is making
PROVIDER_PORT = 8901
# A worker for each class of cost: archiving waits for the network, the other work takes the processor.
WORKERS = {"worker": "work", "archiver": "archive"}
WORKER_FAREWELL = ((signal.SIGTERM, 8.0),)  # the tasks under way may end; what does not is done again later


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/up",
        description="Start Keeptrack: database, broker, web, background jobs, and a small demo community.",
        epilog="DATABASE_URL, REDIS_URL and STORAGE_URL, where they are set, name servers of yours to use "
        "instead of the embedded ones. KEEPTRACK_VENV names the virtual environment (default .venv). "
        "Ctrl-C stops everything; the data stays.",
    )
    add, data = parser.add_argument, os.environ.get("KEEPTRACK_DATA") or ROOT / "var"
    add("--no-demo", action="store_true", help="start empty, without the demo community")
    add("--port", type=number(65535), default=8000, help="port of the web site (8000)")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)")
    add("--data", type=Path, default=data, metavar="DIR", help="data folder (KEEPTRACK_DATA or var/)")
    add(
        "--workers",
        type=number(64),
        default=2,
        metavar="N",
        help="processes for the web and for the work, each (2)",
    )
    add("--reset-password", action="store_true", help="give the first staff account a new password")
    add("--check", action="store_true", help="start everything, report, stop; exit 0 if all was well")
    return parser.parse_args(arguments)


def number(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`, for the command line."""

    def parsed(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 to {most}")
        return int(text)

    return parsed


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    interrupts.install()
    try:
        return run(options, Screen())
    except Stopped:
        return 0


def run(options: argparse.Namespace, screen: Screen) -> int:
    """Hold the data folder, run the system in it, and leave nothing running behind."""
    place = folder.prepare(options.data)
    lock = folder.hold(place.path, "bin/up")
    if not lock:
        raise Trouble(
            f"{place.path} is in use by {folder.holder(place.path)}.",
            "use the one that runs, or stop it with Ctrl-C in its terminal",
            "or start another one beside it: bin/up --data DIR --port 8001",
        )
    with lock:
        for name in children.end_leftovers(place.children):
            screen.done(name, "ended, an earlier run had left it behind")
        ports.require(options.host, options.port)
        supervisor = Supervisor(place, screen, environment(place, options))
        try:
            return start(supervisor, options)
        finally:
            screen.doing("stop", "stopping everything")
            supervisor.stop()
            screen.done("stop", "everything is stopped, the data is kept")


def start(supervisor: Supervisor, options: argparse.Namespace) -> int:
    """Start everything in order of need, announce it, then watch until the end."""
    letters = Letters(supervisor.folder.log("letters"))
    for name in filter(given, ("DATABASE_URL", "REDIS_URL")):
        check_given(supervisor, name)
    collecting = start_collecting(supervisor)
    start_servers(supervisor)
    news = prepare_data(supervisor, options)
    try:
        finish_collecting(supervisor, *collecting)
        start_programs(supervisor, options)
        if not options.no_demo:
            seed(supervisor, required=options.check)
        if options.check:
            check_workers(supervisor)
    finally:
        # Printed once and known to nobody else, so an interrupted start must not swallow it.
        if news:
            supervisor.screen.say(f"\n{news}")
    announce(supervisor, options)
    while not options.check:
        supervisor.watch()
        if news := letters.news():
            supervisor.screen.say(news)
        interrupts.pause(0.2)
    return 0


# --- The environment of the children ------------------------------------------------------------------------
def given(name: str) -> bool:
    """Whether the caller named a server of their own."""
    return bool(os.environ.get(name))


def environment(place: Folder, options: argparse.Namespace) -> dict[str, str]:
    """What the programs read. What the caller's environment already says stands."""
    env = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STORAGE_URL": f"file://{quote(str(place.path / 'blobs'))}",
        "REDIS_URL": servers.valkey_url(place),
        "SITE_URL": local_url(options),
        "EMAIL_URL": Letters(place.log("letters")).email_url,
        "PYTHONUNBUFFERED": "1",
    }
    env |= {name: value for name, value in os.environ.items() if value}
    env["KEEPTRACK_VAR"] = str(place.path)
    if not options.no_demo:
        origin = f"http://127.0.0.1:{ports.free_port(start=PROVIDER_PORT)}"
        env["KEEPTRACK_FETCH_ORIGINS"] = ",".join(filter(None, (origin, env.get("KEEPTRACK_FETCH_ORIGINS"))))
        env = demo_apis(origin) | env
    return env


def demo_apis(origin: str) -> dict[str, str]:
    """What the demo's provider is asked by, and what it signs with; a key of the caller's own is for the real one."""
    found = {f"{code.upper()}_WEBHOOK_SECRET": secret for code, secret in SECRETS.items()}
    for name in (code.upper() for code in ROUTES):
        if not given(f"{name}_API_KEY"):
            found |= {f"{name}_API_URL": origin, f"{name}_API_KEY": KEY}
    return found


def local_host(options: argparse.Namespace) -> str:
    """The address to reach the site from this machine, for a URL."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)
    return f"[{host}]" if ":" in host else host


def local_url(options: argparse.Namespace) -> str:
    return f"http://{local_host(options)}:{options.port}"


# --- Steps --------------------------------------------------------------------------------------------------
def start_servers(supervisor: Supervisor) -> None:
    """Database and broker side by side, unless the caller named others."""
    place, screen = supervisor.folder, supervisor.screen
    screen.doing("servers", "starting")
    if not given("REDIS_URL"):
        broker = servers.start_valkey(place, supervisor.spawn)
        supervisor.keep(Service("broker", lambda: broker, restart=False))
    if not given("DATABASE_URL"):
        postgres = servers.start_postgres(place, supervisor.spawn)
        supervisor.env["DATABASE_URL"] = postgres.url
        supervisor.keep(Service("database", lambda: postgres.child, restart=False))
        servers.wait(postgres.child, postgres.ready)
        postgres.create_database()
        screen.done("database", f"PostgreSQL {postgres.version} ready")
    if not given("REDIS_URL"):
        servers.wait(broker, lambda: servers.valkey_ready(place))
        screen.done("broker", f"Valkey {servers.valkey_version()} ready")


def start_collecting(supervisor: Supervisor) -> tuple[Child | None, str]:
    """The collection of static files needs no server, so it runs beside their start. (its process, its subject)."""
    if statics.is_current(supervisor.folder):
        return None, ""
    subject = statics.fingerprint()
    return supervisor.spawn("statics", statics.command()), subject


def finish_collecting(supervisor: Supervisor, collecting: Child | None, subject: str) -> None:
    if collecting:
        supervisor.screen.doing("statics", "collecting")
        supervisor.finish(collecting)
        statics.mark(supervisor.folder, subject)
        supervisor.screen.done("statics", "collected")


def check_given(supervisor: Supervisor, name: str) -> None:
    """A server that the caller named must answer, or nothing is started."""
    line = "database" if name == "DATABASE_URL" else "broker"
    supervisor.screen.doing(line, f"asking the server of {name}")
    child = supervisor.spawn("given", [sys.executable, "-m", "deploy.local.given", name], capture=True)
    try:
        supervisor.finish(child)
    except Trouble as trouble:
        raise Trouble(
            f"The server that {name} names does not answer.\n\n{child.tail(3)}",
            f"correct {name}",
            f"or unset it to use the embedded {line}",
        ) from trouble
    supervisor.screen.done(line, child.process.stdout.read().decode().strip())


def prepare_data(supervisor: Supervisor, options: argparse.Namespace) -> str:
    """Migrate, make the first account. Returns what to tell about the account, "" if there was one."""
    supervisor.screen.doing("tables", "bringing the database up to date")
    command = [sys.executable, "-m", "deploy.local.prepare", *["--reset-password"] * options.reset_password]
    child = supervisor.spawn("prepare", command, capture=True)
    try:
        supervisor.finish(child)
    except Stopped:
        # The account may be made already, and its password is known to nobody else.
        with contextlib.suppress(subprocess.TimeoutExpired):
            supervisor.screen.say("\n" + child.process.communicate(timeout=PREPARED_SECONDS)[0].decode())
        raise
    supervisor.screen.done("tables", "up to date")
    return child.process.stdout.read().decode().strip()


def start_programs(supervisor: Supervisor, options: argparse.Namespace) -> None:
    """The site first and alone: people wait for it, and the others would take the processor from it."""
    (supervisor.folder.path / "beat").mkdir(exist_ok=True)
    for name, (command, farewell) in programs(supervisor, options).items():
        supervisor.keep(Service(name, partial(supervisor.spawn, name, command, farewell=farewell)))
        if name == "web":
            wait_for_web(supervisor, options)


def programs(supervisor: Supervisor, options: argparse.Namespace) -> dict[str, tuple[list, Farewell]]:
    """Name: (command, farewell)."""
    path, count = supervisor.folder.path, options.workers
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    web = [sys.executable, "-m", "gunicorn", "config.wsgi:application", "--no-control-socket"]
    web += ["--bind", f"{f'[{options.host}]' if ':' in options.host else options.host}:{options.port}"]
    web += ["--worker-class", "gthread", "--workers", count, "--threads", 4, "--timeout", 60]
    web += ["--graceful-timeout", 5, "--worker-tmp-dir", supervisor.folder.run]
    beat = [*celery, "beat", "--schedule", path / "beat" / "schedule", "--pidfile=", "-l", "INFO"]
    found = {"web": (web, POLITE)}
    for name, queue in WORKERS.items():
        # One archiving process fetches many files at once by itself; the second one plans meanwhile.
        processes = 2 if queue == "archive" else count
        worker = [*celery, "worker", "-n", worker_name(name), "-Q", queue, "-c", processes, "-l", "INFO"]
        found[name] = ([*worker, "--without-gossip", "--without-mingle"], WORKER_FAREWELL)
    found["beat"] = (beat, POLITE)
    if not options.no_demo:
        port = urlsplit(supervisor.env["KEEPTRACK_FETCH_ORIGINS"].split(",")[0]).port
        provider = [sys.executable, "-m", "deploy.demo.provider", "--port", port]
        found["provider"] = ([*provider, "--directory", path / "demo" / "provider"], POLITE)
    return found


def worker_name(name: str) -> str:
    """A name that no worker of another start has, on a broker they may share."""
    return f"{name}-{os.getpid()}@localhost"


def wait_for_web(supervisor: Supervisor, options: argparse.Namespace) -> None:
    """Until /readyz is green; Trouble with its own answer when it does not become so."""
    supervisor.screen.doing("site", "starting")
    answer = ""

    def green() -> bool:
        nonlocal answer
        supervisor.watch()
        host, site = local_host(options).strip("[]"), supervisor.env["SITE_URL"]
        status, answer = ask(host, options.port, "/readyz", site=site)
        return status == 200

    if not interrupts.wait_until(green, READY_SECONDS):
        log = supervisor.folder.log("web")
        raise Trouble(f"The site is not ready after {READY_SECONDS} s. /readyz says:\n\n{answer}\n\nLog: {log}", code=1)
    supervisor.screen.done("site", f"{local_url(options)} ready")


def seed(supervisor: Supervisor, *, required: bool) -> None:
    """Add the demo community and show how far it is. The site does without it, unless it is `required`."""
    supervisor.screen.doing("demo", "preparing the demo community")
    child = supervisor.spawn("demo", [sys.executable, "-m", "deploy.demo.seed"], capture=True)
    for line in lines_of(supervisor, child):
        supervisor.screen.done("demo", line)
    try:
        supervisor.finish(child)
    except Trouble as trouble:
        if required:
            raise
        supervisor.screen.say(str(trouble))


def lines_of(supervisor: Supervisor, child: Child) -> Iterator[str]:
    """What a child prints, line by line as it comes, while the services are watched."""
    pipe, rest = child.process.stdout.fileno(), b""
    while True:
        ready, _, _ = select.select([pipe], [], [], 0.2)
        chunk = os.read(pipe, 65536) if ready else None
        *whole, rest = (rest + (chunk or b"")).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole if line.strip())
        if chunk == b"":
            yield from [rest.decode(errors="replace")] if rest else ()
            return
        supervisor.watch()
        interrupts.pause(0)


def answers(supervisor: Supervisor, name: str) -> bool:
    ping = [sys.executable, "-m", "celery", "-A", "config", "inspect", "ping", "-d", name, "-t", "1"]
    return supervisor.succeeds(supervisor.spawn("ping", ping))


def check_workers(supervisor: Supervisor) -> None:
    """For `--check`: the site's own answer says nothing about the processes that do the jobs."""
    for name in WORKERS:
        supervisor.screen.doing(name, "asking for an answer")
        if not interrupts.wait_until(partial(answers, supervisor, worker_name(name)), READY_SECONDS):
            raise Trouble(f"The {name} does not answer. Its log is {supervisor.folder.log(name)}", code=1)
        supervisor.screen.done(name, "answers")


def email_words(supervisor: Supervisor) -> str:
    if supervisor.env["EMAIL_URL"].startswith("console:"):
        return "is not sent but shown here"
    return "is sent by the server of EMAIL_URL"


def announce(supervisor: Supervisor, options: argparse.Namespace) -> None:
    url, path = local_url(options), supervisor.folder.path
    rows = {
        "site": f"{url}/",
        "admin": f"{url}/admin/",
        "API": f"{url}/api/v1/docs",
        "health": f"{url}/readyz",
        "data": path,
        "logs": path / "log",
        "e-mail": email_words(supervisor),
        "stop": "Ctrl-C",
    }
    supervisor.screen.say("\nKeeptrack is running.\n")
    for name, value in rows.items():
        supervisor.screen.say(f"  {name:<10} {value}")
    supervisor.screen.say()
