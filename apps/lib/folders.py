"""Folders that are there after a power cut, and what is named in them."""

import os
from pathlib import Path


def make(folder: Path) -> None:
    """Make a folder and those above it for their owner only, each durably named in its parent."""
    if folder.is_dir():
        return
    make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync(folder.parent)


def sync(folder: Path) -> None:
    """The names in it are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
