"""`archive verify`: proves that nothing of the ledger was changed or dropped, from exports alone or at the site."""

import json as as_json
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError

from apps.archive import auditing, manifests, verifying
from apps.lib.batches import Bar
from apps.lib.storage import StorageFailed

HELP = "proves the ledger whole: nothing was changed, dropped or inserted"


def add_arguments(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--offline", nargs="+", type=Path, metavar="FILE-or-FOLDER",
        help="exported manifests alone, without the database",
    )  # fmt: skip
    what.add_argument("--export", type=Path, metavar="FOLDER", help="write all closed days there, and their index")
    what.add_argument("--close", action="store_true", help="close the days that are over, as beat does")
    parser.add_argument(
        "--head", type=verifying.sha256_given, metavar="SHA256",
        help="of a manifest, kept outside: also whoever rewrote everything is found out",
    )  # fmt: skip
    parser.add_argument("--since", type=verifying.day_given, metavar="DAY", help="leave out what is older")
    parser.add_argument("--bytes", action="store_true", help="read and hash all archived bytes")
    parser.add_argument("--json", action="store_true", help="for programs")


def handle(out, *, offline, export, close: bool, head: str, since, json: bool, **options) -> None:
    if close:
        _close(out)
    elif export:
        _export(out, export, since)
    elif offline:
        _offline(out, offline, head or "", since, json)
    else:
        found = auditing.audit(kept=head or "", since=since, read=options["bytes"], begins=_Stages())
        _say(out, found.told() if json else auditing.words(found), good=not found.problems)


def _close(out) -> None:
    for manifest in manifests.close():
        out.write(f"closed {manifest.day}: {manifest.entries} entries")
    head = manifests.head()
    out.write(f"head {head['day']} {head['sha256']}" if head else "nothing is closed yet")


def _export(out, folder: Path, since) -> None:
    bar = Bar("days", len(manifests.chosen(since)))
    try:
        count = manifests.export(folder, since=since, told=bar)
    except (OSError, StorageFailed) as failure:
        raise CommandError(f"--export: {getattr(failure, 'message', failure)}") from failure
    bar.end()
    if not count:
        out.write("no such day is closed yet: there is nothing to export, and nothing to prove")
        return
    out.write(f"{count} days in {folder}. To prove them there: python3 {folder / 'verifying.py'} {folder}")


def _offline(out, paths: list[Path], head: str, since, json: bool) -> None:
    files = [file for path in paths for file in ([path] if path.is_file() else path.glob(f"*{verifying.SUFFIX}"))]
    bar = Bar("bytes", sum(file.stat().st_size for file in files))
    try:
        proof = verifying.prove(paths, kept=head, since=since, told=bar)
    except OSError as failure:
        raise CommandError(f"--offline: {failure}") from failure
    bar.end()
    _say(out, proof.told() if json else verifying.words(proof), good=not proof.problems)


def _say(out, found, *, good: bool) -> None:
    """All of it, and 1 as the exit status when anything is wrong."""
    for line in [as_json.dumps(found, indent=2)] if isinstance(found, dict) else found:
        out.write(line)
    if not good:
        raise CommandError("the ledger is not whole", returncode=1)


class _Stages:
    """A bar for each stage, one below the other."""

    def __init__(self) -> None:
        self._bar: Bar | None = None

    def __call__(self, stage: str, total: int) -> Bar:
        if self._bar is not None:
            self._bar.end()
        self._bar = Bar(stage, total)
        return self._bar
