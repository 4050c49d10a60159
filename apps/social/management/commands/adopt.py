"""Brings another community's database into this house, which is empty."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from apps.lib.batches import Busy
from apps.social import adoption, foreign, separation
from apps.social.management.commands.separation import lines

TABLES = ", ".join(table.name for table in foreign.TABLES)


class Command(BaseCommand):
    help = (
        f"Brings a PostgreSQL database of the old shape ({TABLES}) into this house, which must be empty but for staff "
        "(docs/migrations/adopting-a-community.md). The source is read in one snapshot and never written to. Cut off "
        "anywhere, the same command goes on. Ends with a report: what came in, what is here, what was left out and "
        "why; fails when that does not add up."
    )

    def add_arguments(self, parser):
        what = parser.add_subparsers(dest="what", required=True)
        words = "bring a community in, or go on with it; once it is in, its report again"
        one = what.add_parser("community", help=words, description=f"{words}. {self.help}")
        one.add_argument(
            "--source", metavar="DSN",
            help="postgresql://user@host/name or 'host=… dbname=…'; the password is better in PGPASSWORD or ~/.pgpass",
        )  # fmt: skip
        one.add_argument("--schema", default="public", help="where its tables are (public)")
        one.add_argument("--dry-run", action="store_true", help="say what is there and what is in the way; no more")
        one.add_argument("--json", action="store_true", help="for programs")
        one.add_argument(
            "--afresh", action="store_true", help="copy anew: the source changed before its rows were taken over"
        )
        one.add_argument(
            "--forget", action="store_true", help="when all is settled: the rows that were left out go, for good"
        )

    def handle(self, *, what: str, source: str | None, schema: str, **options):
        try:
            if options["forget"]:
                self._forget()
                return
            if not source:
                raise CommandError("Say which database: --source postgresql://user@host/name")
            if options["dry_run"]:
                self._tell(adoption.plan(source, schema), options["json"])
                return
            report = adoption.adopt(source, schema, now=timezone.now(), afresh=options["afresh"])
        except (adoption.Refused, foreign.Unreadable, separation.Unfinished, Busy) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            said = f"The database of this house: {error}".strip()
            raise CommandError(f"{said}\nWhat was done stays: mend it and run the same command again.") from error
        self._tell(report, options["json"])
        if not report["holds"]:
            wrong = [name for name, table in report["tables"].items() if not table["adds up"]]
            wrong += [name for name, count in report["against"].items() if count]
            raise CommandError(f"It does not add up: {', '.join(wrong)}. The copy is kept in the schema `adoption`.")

    def _forget(self) -> None:
        if adoption.has_begun() and not adoption.is_settled():
            raise CommandError("The adoption is not settled: run it to its end first.")
        adoption.forget()
        self.stdout.write("Forgotten.")

    def _tell(self, found: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found, indent=2, default=str, ensure_ascii=False))
            return
        for line in lines(found):
            self.stdout.write(line)
