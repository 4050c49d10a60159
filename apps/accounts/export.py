"""Everything that the house keeps of a person, as one ZIP that is written while it is sent (GDPR, articles 15 and 20).

Nothing of it lies on a disk of ours, and one row or piece of a file is in memory at a time, however much it is.
"""

import datetime as dt
import hashlib
import json
import logging
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from apps.accounts import profiles
from apps.accounts.chapters import CHAPTERS, Chapter, StoredFile
from apps.accounts.models import User
from apps.lib import locks
from apps.lib.errors import Conflict

log = logging.getLogger(__name__)

PIECE = 256 * 1024
README = """\
Keeptrack: what is kept of {email}
Written on {now:%Y-%m-%d %H:%M} UTC.

Each JSON file is one chapter: {{"chapter": name, "schema_version": number, "rows": [...]}}. Times are UTC,
sizes are bytes, durations ending in _ms are milliseconds.

{chapters}
errors.json lists files that could not be read while this was written; ask for a new export later.
Passwords, keys and the secrets of second factors are left out: whoever finds this file is not you.
"""


class Export:
    """The ZIP, piece by piece. It holds the person's export until it is closed: one at a time (409 EXPORT_RUNNING)."""

    def __init__(self, user: User, *, now: dt.datetime | None = None):
        self.user, self.now = user, now or timezone.now()
        self.errors: list[dict] = []
        self._held = ExitStack()
        if not self._held.enter_context(locks.alone(f"export of {user.pk}")):
            raise Conflict("Your export is being written already. Wait until that download ends.", "EXPORT_RUNNING")
        self._pieces = self._write()

    @property
    def name(self) -> str:
        return f"keeptrack-{profiles.of(self.user).username}-{self.now:%Y-%m-%d}.zip"

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Called when the answer is over, however it ended."""
        self._pieces.close()
        self._held.close()

    def _write(self) -> Iterator[bytes]:
        sent = _Sent()
        with zipfile.ZipFile(sent, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(self._entry("README.txt"), self._readme())
            for chapter in CHAPTERS:
                yield from self._rows(archive, sent, chapter)
                for file in chapter.files(self.user):
                    yield from self._file(archive, sent, file)
            errors = {"chapter": "errors", "schema_version": 1, "rows": self.errors}
            archive.writestr(self._entry("errors.json"), _json(errors, indent=1))
        yield sent.taken()

    def _readme(self) -> str:
        width = max(len(chapter.name) for chapter in CHAPTERS)
        lines = [f"{chapter.name + '.json':{width + 6}} {chapter.about}\n" for chapter in CHAPTERS]
        return README.format(email=self.user.email, now=self.now.astimezone(dt.UTC), chapters="".join(lines))

    def _entry(self, path: str, *, kind: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(path, self.now.astimezone(dt.UTC).timetuple()[:6])
        entry.compress_type, entry.external_attr = kind, 0o600 << 16
        return entry

    def _rows(self, archive: zipfile.ZipFile, sent: "_Sent", chapter: Chapter) -> Iterator[bytes]:
        head = f'{{"chapter": "{chapter.name}", "schema_version": {chapter.version}, "rows": ['
        with archive.open(self._entry(f"{chapter.name}.json"), "w", force_zip64=True) as out:
            for row in chapter.rows(self.user):
                out.write(f"{head}\n{_json(row)}".encode())
                head = ","
                if len(sent) >= PIECE:
                    yield sent.taken()
            out.write(f"{'' if head == ',' else head}\n]}}\n".encode())

    def _file(self, archive: zipfile.ZipFile, sent: "_Sent", file: StoredFile) -> Iterator[bytes]:
        """Sound and pictures are compressed already. A file that breaks off stays, as far as it came."""
        digest = hashlib.sha256()
        try:
            with file.open() as source, archive.open(
                self._entry(file.path, kind=zipfile.ZIP_STORED), "w", force_zip64=True
            ) as out:  # fmt: skip
                while piece := source.read(PIECE):
                    digest.update(piece)
                    out.write(piece)
                    yield sent.taken()
        except Exception as failure:  # whatever the store does, the other files are sent
            log.exception("export: %s breaks off", file.path)
            self._failed(file, getattr(failure, "code", "IO_ERROR"), "It could not be read.")
        else:
            if digest.hexdigest() != file.sha256:
                log.error("export: %s is damaged", file.path)
                self._failed(file, "CHECKSUM_MISMATCH", "These are not the bytes that were stored.")

    def _failed(self, file: StoredFile, code: str, message: str) -> None:
        self.errors.append({"path": file.path, "code": code, "message": message})


class _Sent:
    """The file that the ZIP is written to: what was written and not yet sent."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing to flush: it is sent when it is taken."""

    def taken(self) -> bytes:
        data, self._waiting = bytes(self._waiting), bytearray()
        return data


def _json(row: dict, **options) -> str:
    return json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False, **options)
