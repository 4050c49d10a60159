"""Two places full of small files, and ways to damage them behind the house's back."""

import os
import random
from pathlib import Path

from django.core.files.storage import storages

from apps.archive import copies
from apps.catalog import files
from apps.catalog.models import Blob
from apps.lib import storage
from apps.lib.formats import FORMATS
from apps.lib.storage_url import backend_from_url


def use(settings, main: str, copy: str = "") -> None:
    places = {"blobs": backend_from_url(main)} | ({"copies": backend_from_url(copy)} if copy else {})
    settings.STORAGES = {**{k: v for k, v in settings.STORAGES.items() if k != "copies"}, **places}
    for place in storage.places():
        storage.begin(lambda: True, place=place)


def two_folders(settings, root: Path) -> None:
    use(settings, f"file://{root}/main", f"file://{root}/copy")


def make_blob(data: bytes = b"") -> Blob:
    return files.blob_for(storage.put_bytes(data or os.urandom(random.randint(20, 3000))), FORMATS["mp3"])


def make_blobs(number: int) -> dict[str, bytes]:
    """So many files in both places: their bytes by key."""
    made = {}
    for _ in range(number):
        data = os.urandom(random.randint(20, 3000))
        made[make_blob(data).key] = data
    assert copies.run().left == 0
    return made


def overwrite(key: str, data: bytes | None, place: str = storage.MAIN) -> None:
    """Other bytes, or with None nothing, behind the house's back."""
    if path := storage.local_path(key, place=place):
        path.unlink(missing_ok=True) if data is None else path.write_bytes(data)
        return
    backend = storages[storage.PLACES[place]]
    client, where = backend.connection.meta.client, {"Bucket": backend.bucket_name, "Key": key}
    client.delete_object(**where) if data is None else client.put_object(**where, Body=data)


def flipped(data: bytes, others: bytes) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


DAMAGES = {
    "flip": flipped,
    "truncate": lambda data, other: data[: random.randrange(len(data))],
    "delete": lambda data, other: None,
    "grow": lambda data, other: data + b"\0",
    "replace": lambda data, other: other,
}


def damage(made: dict[str, bytes], number: int, place: str, kinds=(*DAMAGES, "swap")) -> set[str]:
    """Damage so many of these files in this place, in turn in every way; their keys."""
    keys, done = random.sample(sorted(made), number + 1), set()
    while len(done) < number:
        kind = kinds[len(done) % len(kinds)]
        key, other = keys[len(done)], keys[(len(done) + 1) % len(keys)]
        if kind == "swap" and len(done) + 1 < number:
            overwrite(key, made[other], place)
            overwrite(other, made[key], place)
            done |= {key, other}
        else:
            overwrite(key, DAMAGES.get(kind, flipped)(made[key], made[other]), place)
            done.add(key)
    return done


def held(key: str, place: str) -> bytes | None:
    try:
        with storage.open(key, place=place) as stored:
            return stored.read()
    except storage.ObjectMissing:
        return None


def everything(place: str) -> dict[str, bytes]:
    """All that lies in this place, by name."""
    names = [lying.name for number in range(256) for lying in storage.listed(f"{number:02x}", place=place)]
    return {name: held(name, place) for name in names}
