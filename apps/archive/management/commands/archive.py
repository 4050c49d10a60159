"""Looks after the archive: what it holds, what it proves, and what would become of it."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from apps.archive.management import report, scrub, simulate, verify

PARTS = {"report": report, "scrub": scrub, "simulate": simulate, "verify": verify}


class Command(BaseCommand):
    help = "Looks after the archive (docs/archive.md). `archive_due` does its work; this tells about it and proves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        for name, part in PARTS.items():
            part.add_arguments(what.add_parser(name, help=part.HELP, description=part.HELP))

    def handle(self, *, what: str, **options) -> None:
        PARTS[what].handle(self.stdout, **options)
