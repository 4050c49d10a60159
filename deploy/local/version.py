"""The check that must run on any Python 3: nothing newer than the grammar of Python 3.6 in this file."""

import os
import shutil
import subprocess
import sys

NEEDED = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")


def complaint(version, platform=sys.platform, script="bin/up"):
    """What to tell a person whose Python or system cannot run the project, or None."""
    if not platform.startswith("linux"):
        return "Keeptrack runs on Linux. Elsewhere, run it inside WSL or a virtual machine, or use compose.yaml."
    if tuple(version[:2]) >= NEEDED:
        return None
    lines = [
        "This is Python {}.{}, and Keeptrack needs Python {}.{} or newer.".format(*(tuple(version[:2]) + NEEDED)),
    ]
    found = newer_python()
    if found:
        lines.append(f"This machine has one. Run:  {found} {script}")
    else:
        lines.append(
            f"Install one (Debian, Ubuntu: apt install python3.11 python3.11-venv) and run:  python3.11 {script}"
        )
    return "\n".join(lines)


def newer_python():
    """The first command on PATH that really is new enough; a shim that only pretends is passed over."""
    test = f"import sys; sys.exit(sys.version_info[:2] < {NEEDED})"
    for name in NEWER:
        path = shutil.which(name)
        if path and run_quietly([path, "-c", test]) == 0:
            return path
    return None


def run_quietly(command):
    with open(os.devnull, "wb") as nowhere:
        try:
            return subprocess.call(command, stdout=nowhere, stderr=nowhere)
        except OSError:
            return -1


def require(script):
    """Stop the program, with exit code 2, on a Python or a system that cannot run it."""
    text = complaint(sys.version_info, script=script)
    if text:
        sys.stderr.write(text + "\n")
        sys.exit(2)
