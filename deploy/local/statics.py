"""Static files: collected again only when a source, a package or the settings changed."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.local.children import ROOT
from deploy.local.folder import Folder


def command() -> list:
    """ReDoc comes with the API's pages and is never shown; compressing it would take half of the time."""
    return [sys.executable, "manage.py", "collectstatic", "--no-input", "--clear", "--ignore", "redoc"]


def stamp_file(folder: Folder) -> Path:
    return folder.path / "static.stamp"


def is_current(folder: Folder) -> bool:
    stamp = stamp_file(folder)
    return (folder.path / "static").is_dir() and stamp.exists() and stamp.read_text() == fingerprint()


def mark(folder: Folder, seen: str) -> None:
    """Remember what there was before the collection began: a change meanwhile is collected next time."""
    stamp_file(folder).write_text(seen)


def fingerprint() -> str:
    digest = hashlib.sha256(f"{sys.prefix}{sys.version_info}".encode())
    for path in _sources():
        found = path.stat()
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (ROOT / "requirements.txt", ROOT / "config" / "settings.py")
    for folder in (ROOT / "static", *sorted(ROOT.glob("apps/*/static"))):
        yield from sorted(path for path in folder.rglob("*") if path.is_file())
