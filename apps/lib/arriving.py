"""Files of forms: straight into the spool, hashed on their way, so that nobody reads or copies them again."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from apps.lib import spool
from apps.lib.inflight import InFlight


class Arrived(TemporaryUploadedFile):
    """`sha256` is of the whole; `temporary_file_path()` may be moved away, and goes with the request otherwise."""

    sha256 = ""

    def __init__(self, name: str, content_type: str, charset: str | None, extra: dict | None):
        UploadedFile.__init__(self, spool.file(), name, content_type, 0, charset, extra)


class Spooled(FileUploadHandler):
    """For FILE_UPLOAD_HANDLERS. DISK_FULL 507 where there is no room."""

    # gunicorn reads a MiB ahead and copies what is left of it for everybody who asks for less.
    chunk_size = 1024 * 1024

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        with _room():
            self.file = Arrived(self.file_name, self.content_type, self.charset, self.content_type_extra)
        self._digest = hashlib.sha256()
        self._out = InFlight(self.file.file, self._digest, behind=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with _room():
            self._out.write(raw_data)

    def file_complete(self, file_size: int) -> Arrived:
        with _room():
            self._out.close()
        self.file.seek(0)
        self.file.size, self.file.sha256 = file_size, self._digest.hexdigest()
        return self.file

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            with suppress(OSError):
                self._out.close()
            self.file.close()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as full:
        raise spool.SpoolFull from full
