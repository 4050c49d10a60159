#!/usr/bin/env python3
"""How long an installed tree takes from nothing to its first page, beside what no start can be quicker than.

The limit is measured in the same run, on the same data: making and starting PostgreSQL, and one start of Django that
imports everything and answers nothing, one after the other. Goal: at most 4 s, and at most three times the limit.
"""

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = os.environ.get("KEEPTRACK_VENV", str(ROOT / ".venv")) + "/bin/python"
READY = re.compile(r"^  (database|site)\b.*ready\s+([\d.]+) s$", re.MULTILINE)
GIVEN = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "KEEPTRACK_VAR", "SITE_URL")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=5, metavar="RUNS", help="starts to measure (5)")
    runs = [measure() for _ in range(options.parse_args().n)]
    print(f"{'':24}{'min':>8}{'median':>8}{'max':>8}")
    for name in runs[0]:
        values = [run[name] for run in runs]
        print(f"{name:24}{min(values):8.2f}{statistics.median(values):8.2f}{max(values):8.2f}")
    return 0


def measure() -> dict[str, float]:
    """One cold start: seconds until the database and the first page, the limit, and the ratio of page to limit."""
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in os.environ.items() if name not in GIVEN}
        command = [sys.executable, ROOT / "bin" / "up", "--no-demo", "--check", "--data", folder, "--port", free_port()]
        said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        marks = {name: float(seconds) for name, seconds in READY.findall(said)}
        started = time.monotonic()
        subprocess.run([PYTHON, "manage.py", "check"], cwd=ROOT, capture_output=True, check=True, env=env)
        limit = marks["database"] + time.monotonic() - started
    return {"first page, s": marks["site"], "limit, s": limit, "page / limit": marks["site"] / limit}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
