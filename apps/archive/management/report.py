"""`archive report`: the archive in numbers."""

import json as as_json
from argparse import ArgumentParser

from apps.archive.statistics import statistics

HELP = "the archive in numbers: archived, pending, urgent, expired"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def handle(out, *, json: bool, **options) -> None:
    found = statistics()
    if json:
        out.write(as_json.dumps(found, indent=2, default=str))
        return
    for name, value in found.items():
        out.write(f"{name.replace('_', ' '):<24} {value}")
