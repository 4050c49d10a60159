"""Brings a folder of this machine in, for the library or for a person."""

import time
import unicodedata
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.models import User
from apps.lib import sizes
from apps.lib.batches import Bar
from apps.lib.errors import Refusal
from apps.uploads import folders, progress
from apps.uploads.models import FolderFile, FolderImport

SLICE_S = 60
LOOK_S = 1


class Command(BaseCommand):
    help = (
        f"Brings every {progress.FORMS} below a folder in as a track, with what its tags say of title, artist, genre, "
        "tempo, key, ISRC, date and cover. Cut off, it goes on where it was when it is run again; run again later, it "
        "brings in what is new or changed and tries again what was refused. The folder itself is only read."
    )

    def add_arguments(self, parser):
        parser.add_argument("path", type=Path, help="the folder, with all folders below it")
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--library", action="store_true", help="the tracks are the house's own")
        whose.add_argument("--owner", metavar="ADDRESS", help="the tracks are this person's")
        parser.add_argument("--by", metavar="ADDRESS", help="staff in whose name it is done; --library needs it")
        parser.add_argument("--public", action="store_true", help="everyone hears the tracks; else they are private")
        parser.add_argument("--dry-run", action="store_true", help="say what would come in and change nothing")

    def handle(self, *, path: Path, library: bool, owner: str | None, by: str | None, public: bool, dry_run: bool,
               **options):  # fmt: skip
        whose, staff = _person(owner), _person(by)
        if library and staff is None:
            raise CommandError("--library needs --by: the address of somebody who curates the library.")
        try:
            if dry_run:
                self._foresee(path, whose or staff, library)
                return
            row = self._begun(path, staff, whose, public)
            self._follow(row)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal

    def _begun(self, path: Path, by: User | None, owner: User | None, public: bool) -> FolderImport:
        try:
            return folders.begin(path=path, by=by, owner=owner, is_public=public)
        except Refusal as refusal:
            if refusal.code != "IN_WORK":
                raise
        self.stdout.write("A worker is at this folder already; this shows how far it is.")
        return FolderImport.objects.get(path=str(path.resolve()), person=owner)

    def _follow(self, row: FolderImport) -> None:
        """Work, or watch whoever works, until it is over."""
        bar = _Progress(row)
        try:
            while row.state in ("due", "running"):
                if mine := folders.claim(row=row):
                    folders.work(mine, seconds=SLICE_S, told=bar.one_more)
                else:
                    time.sleep(LOOK_S)
                row.refresh_from_db()
                bar.show()
                if row.error_code:
                    raise CommandError(f"{row.error_message} Run this again to go on.")
        except KeyboardInterrupt:
            folders.stop(row)
            raise CommandError("Stopped. Run this again to go on.") from None
        finally:
            bar.end()
        self._report(row)

    def _report(self, row: FolderImport) -> None:
        found = folders.counts(row)
        bytes_ = sizes.words(found.bytes).replace("\xa0", " ")
        self.stdout.write(
            f"{found.total} files ({bytes_}): {found.imported} imported, {found.known} there already, "
            f"{found.refused} refused, {found.waiting} left"
        )
        refused = FolderFile.objects.filter(folder=row, state="refused").order_by("path")
        for file in refused.iterator(500):
            self.stdout.write(f"refused   {plain(file.path)}: {file.error_code}: {file.error_message}")
        if row.state == "stopped":
            raise CommandError("It was stopped. Run this again to go on.")

    def _foresee(self, path: Path, user: User, library: bool) -> None:
        counts, root = dict.fromkeys(folders.OUTCOMES, 0), path.resolve()
        for found in folders.files_in(root):
            outcome, words = "refused", found.fault
            if not found.fault:
                outcome, words = folders.foreseen(root, found.path, user=user, library=library)
            counts[outcome] += 1
            self.stdout.write(f"{outcome:<9} {plain(found.path)}: {plain(words)}")
        self.stdout.write(
            f"{counts['imported']} would be imported, {counts['known']} are there already, "
            f"{counts['refused']} would be refused"
        )


def _person(address: str | None) -> User | None:
    if not address:
        return None
    found = User.objects.filter(email__iexact=address).first()
    if found is None:
        raise CommandError(f"There is no account {address}.")
    return found


class _Progress:
    """The bar of a folder's files, whoever works on them; counted once in a while."""

    def __init__(self, row: FolderImport) -> None:
        self.row, self.bar, self.counted = row, Bar("files", 0), 0.0

    def one_more(self, files: int) -> None:
        if time.monotonic() - self.counted > LOOK_S:
            self.show()

    def show(self) -> None:
        found, self.counted = folders.counts(self.row), time.monotonic()
        self.bar.total = max(found.total, 1)
        self.bar(found.done - self.bar.done)

    def end(self) -> None:
        self.show()
        self.bar.end()


def plain(text: str) -> str:
    """Text that moves no terminal's cursor and turns nothing around."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text)
