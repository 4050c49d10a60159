"""The virtual environment: made once, filled once, left alone until the requirements or the Python change.

Standard library only: this runs before anything is installed.
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib
import importlib.util
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local import children
from deploy.local.screen import BEGAN, Screen, Trouble

ROOT = Path(__file__).resolve().parents[2]
ROOM_BYTES = 1_500_000_000  # all packages of the tests, unpacked, and what pip needs on the way


def run(module: str, requirements: str, arguments: list[str]) -> int:
    """Make sure of the environment, then run `module.main(arguments)` with its Python; the exit code."""
    venv = Path(os.environ.get("KEEPTRACK_VENV") or ROOT / ".venv").absolute()
    screen = Screen()
    try:
        if not {"-h", "--help"} & set(arguments):
            try:
                ensure(venv, ROOT / requirements, screen)
            except OSError as error:
                way = "set KEEPTRACK_VENV to a new folder of yours"
                raise Trouble(f"The virtual environment {venv} cannot be used: {error}", way) from error
            if Path(sys.prefix).resolve() != venv.resolve():
                os.environ[BEGAN] = str(screen.began)
                os.execv(python_of(venv), [str(python_of(venv)), sys.argv[0], *arguments])
        os.environ[BEGAN] = str(screen.began)
        return importlib.import_module(module).main(arguments)
    except Trouble as trouble:
        screen.say(str(trouble))
        return trouble.code
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        screen.say(f"\nThe disk is full ({error.filename or 'while writing'}). Make room and start again.")
        return 1
    except KeyboardInterrupt:
        screen.say("\nStopped during the set-up. The next start goes on from here.")
        return 130


def python_of(venv: Path) -> Path:
    return venv / "bin" / "python"


def ensure(venv: Path, requirements: Path, screen: Screen) -> None:
    """Install what the stamp does not vouch for. Two set-ups at once take turns."""
    if is_current(venv, requirements):
        return
    with _turn(screen):
        if is_current(venv, requirements):
            return
        check_room(venv.parent)
        if needs_making(venv):
            make(venv, screen)
        install(venv, requirements, screen)


# --- The stamp ----------------------------------------------------------------------------------------------
def fingerprint(requirements: Path) -> str:
    """A digest of the Python and of the requirement files, with those that they name by `-r`."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for path in _with_included(requirements):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _with_included(path: Path) -> Iterator[Path]:
    yield path
    for name in re.findall(r"^-r\s+(\S+)", path.read_text(), re.MULTILINE):
        yield from _with_included(path.parent / name)


def is_current(venv: Path, requirements: Path) -> bool:
    return python_of(venv).exists() and fingerprint(requirements) in _stamps(venv)


def _stamps(venv: Path) -> list[str]:
    try:
        return json.loads((venv / "keeptrack-stamp.json").read_text())
    except (OSError, ValueError):
        return []


def stamp(venv: Path, requirements: Path) -> None:
    """Vouch for these requirements, and for every file they include."""
    draft = venv / "keeptrack-stamp.json.new"
    draft.write_text(json.dumps([fingerprint(path) for path in _with_included(requirements)]))
    draft.replace(venv / "keeptrack-stamp.json")


@contextlib.contextmanager
def _turn(screen: Screen) -> Iterator[None]:
    path = ROOT / "var" / "install.lock"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        raise Trouble(f"Cannot write below {ROOT}: {error.strerror}.", "use a copy in a folder of your own") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            screen.done("packages", "waiting for another set-up to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- The environment ----------------------------------------------------------------------------------------
def check_room(folder: Path, needed: int = ROOM_BYTES) -> None:
    """Refuse to begin an installation that would fill the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Trouble(
            f"The packages need {needed / 1e9:.1f} GB, and {folder} has {free / 1e9:.2f} GB free.",
            "make room there",
            "or set KEEPTRACK_VENV to a folder on a larger disk",
        )


def needs_making(venv: Path) -> bool:
    """Whether there is no usable environment: none, one of another Python, or one cut off half-way."""
    if not venv.exists() or not any(venv.iterdir()):
        return True
    if (venv / "installing").exists():
        return True
    if not (venv / "pyvenv.cfg").exists():
        raise Trouble(f"{venv} is not a virtual environment.", "set KEEPTRACK_VENV to a new or an empty folder")
    own = "import sys, pip; print(sys.version_info[:2])"
    try:
        answer = subprocess.run([python_of(venv), "-c", own], capture_output=True, text=True)
    except OSError:
        return True
    return answer.returncode != 0 or answer.stdout.strip() != str(sys.version_info[:2])


def make(venv: Path, screen: Screen) -> None:
    """A new, empty environment at `venv`; an unusable one there is cleared."""
    if not importlib.util.find_spec("ensurepip"):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Trouble(
            f"This Python {version} cannot make virtual environments: its ensurepip part is missing.",
            f"Debian, Ubuntu: apt install python{version}-venv",
            "or run this script with a Python from python.org, pyenv or Homebrew",
        )
    screen.doing("python", f"making {venv}")
    with _installing(venv):
        answer = subprocess.run([sys.executable, "-m", "venv", "--clear", venv], capture_output=True, text=True)
    if answer.returncode:
        raise Trouble(f"Could not make {venv}:\n{(answer.stdout + answer.stderr).strip()}")
    screen.done("python", f"virtual environment of Python {sys.version.split()[0]}")


@contextlib.contextmanager
def _installing(venv: Path) -> Iterator[None]:
    """A mark that outlives a kill: what was being installed then is not to be trusted."""
    (venv / "keeptrack-stamp.json").unlink(missing_ok=True)
    venv.mkdir(parents=True, exist_ok=True)
    mark = venv / "installing"
    mark.touch()
    yield
    mark.unlink(missing_ok=True)


# --- The packages -------------------------------------------------------------------------------------------
def install(venv: Path, requirements: Path, screen: Screen) -> None:
    """Fill the environment with the pinned requirements; pip's own words when it fails."""
    # Compiling on all cores afterwards is faster than pip's own single one.
    command = [
        python_of(venv),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--no-compile",
    ]
    with _installing(venv):
        code, tail = _follow([*command, "--disable-pip-version-check", "-r", requirements], screen)
        if code:
            (venv / "installing").unlink()  # pip itself tidied up: what it had installed before is whole
            raise Trouble(
                f"pip could not install {requirements.name}:\n\n" + "\n".join(tail),
                "no network, or a mirror of your own: set PIP_INDEX_URL or PIP_FIND_LINKS and run this again",
                "no room: make some, or set KEEPTRACK_VENV to a folder on a larger disk",
            )
        screen.doing("packages", "compiling")
        compiling = [python_of(venv), "-m", "compileall", "-q", "-j", "0", venv / "lib"]
        subprocess.run(compiling, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stamp(venv, requirements)
    screen.done("packages", f"{requirements.name} installed")


def _follow(command: list, screen: Screen) -> tuple[int, list[str]]:
    """Run pip, show how far it is, and keep the last lines it wrote."""
    lines: list[str] = []
    shown, text, rest = time.monotonic(), "looking up", b""
    pip = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=children.tied(signal.SIGTERM)
    )
    with pip, selectors.DefaultSelector() as ready:
        ready.register(pip.stdout, selectors.EVENT_READ)
        while True:
            if ready.select(timeout=0.5):
                chunk = os.read(pip.stdout.fileno(), 65536)
                if not chunk:
                    break
                *whole, rest = (rest + chunk).split(b"\n")
                lines += [line.decode(errors="replace") for line in whole]
                text = _progress(lines)
            screen.doing("packages", text)
            if not screen.live and time.monotonic() - shown > 5:
                screen.done("packages", text)
                shown = time.monotonic()
        return pip.wait(), [*lines[-15:], rest.decode(errors="replace")]


def _progress(lines: list[str]) -> str:
    for line in reversed(lines):
        if line.startswith("Installing collected"):
            return f"unpacking {len(line.split(','))}"
    return f"{sum(line.startswith('Collecting ') for line in lines)} found and fetched"
