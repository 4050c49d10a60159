"""The ledger against what there is: closed days, rows, assets and bytes (decision 0063).

Page by page, so that a million entries take no more memory than a thousand, and no transaction is open for long. After
each page it may stop, and go on from there another time.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from django.db import connection
from django.db.models import Exists, Max, OuterRef

from apps.archive import ledger, manifests, verifying
from apps.archive.models import DUE_STATES, TOLD, ArchiveAsset, LedgerEntry, Manifest
from apps.archive.verifying import Chain, Proof, Say
from apps.catalog.models import Blob
from apps.lib import storage

STAGES = ("entries", "assets", "removed assets", "objects")
PAGE = 2_000
AT_ONCE = 8
# A store that hangs takes over a minute for each: so many are a matter of minutes all the same.
OBJECTS = 10 * AT_ONCE
NO_END = float("inf")
PIECE = 1024 * 1024
BEFORE_ALL = -(2**63)
_NONE = object()

Told = Callable[[int], None]
# A stage begins: its name and how much there is to do; what it answers hears how much was done.
Begins = Callable[[str, int], Told]

_ASSETS = """
    SELECT asset.id, asset.state, asset.crashes, coalesce(blob.sha256, '') AS held,
        CASE asset.source_url WHEN '' THEN '' ELSE encode(sha256(convert_to(asset.source_url, 'UTF8')), 'hex') END,
        last.seq, last.state_to, last.crashes, last.sha256, last.url_sha256
    FROM archive_archiveasset AS asset LEFT JOIN catalog_blob AS blob ON blob.id = asset.blob_id
    LEFT JOIN LATERAL (
        SELECT * FROM archive_ledgerentry AS entry
        WHERE entry.track = asset.track_id AND entry.asset = asset.id AND event <> ALL (%s)
        ORDER BY seq DESC LIMIT 1) AS last ON true
    WHERE %s::uuid IS NULL OR asset.id > %s ORDER BY asset.id LIMIT %s"""
_VANISHED = """
    SELECT seq, asset FROM archive_ledgerentry AS entry
    WHERE seq > %s AND seq <= %s AND event IN ('begun', 'planned', 'archived')
        AND NOT EXISTS (SELECT FROM archive_archiveasset WHERE id = entry.asset)
        AND NOT EXISTS (SELECT FROM archive_ledgerentry AS later
            WHERE later.track = entry.track AND later.asset = entry.asset AND later.event = 'removed')
    ORDER BY seq"""


@dataclass
class Audit:
    """What was looked at and what is wrong. `waiting`: entries of no closed day yet, which no hash holds.

    `stage` is the one it is at, "" when it is over; what it looked at last there is `after`.
    """

    proof: Proof = field(default_factory=Proof)
    waiting: int = 0
    assets: int = 0
    objects: int = 0
    bytes: int = 0
    stage: str = STAGES[0]
    after: str | int | None = None

    @classmethod
    def again(cls, so_far: dict) -> "Audit":
        """What `so_far` told."""
        proof = so_far["proof"]
        problems = [verifying.Problem(**problem) for problem in proof["problems"]]
        return cls(**{**so_far, "proof": Proof(**{**proof, "problems": problems})})

    def so_far(self) -> dict:
        """All of it, as JSON can say it."""
        return asdict(self)

    @property
    def problems(self) -> list[verifying.Problem]:
        return self.proof.problems

    def told(self) -> dict:
        counts = {"waiting": self.waiting, "assets": self.assets, "objects": self.objects, "bytes": self.bytes}
        return self.proof.told() | counts


def audit(
    *,
    kept: str = "",
    since: dt.date | None = None,
    read: bool = False,
    begins: Begins = lambda stage, total: _nobody,
    found: Audit | None = None,
    seconds: float = NO_END,
) -> Audit:
    """Everything from the closed days to the bytes; with `read` all archived bytes are read and hashed.

    `kept` is a manifest's SHA-256 that somebody kept outside; `since` leaves out older days, not older assets. What the
    seconds cut short is not over, and goes on when it is given as `found`.
    """
    found, until = found or Audit(), time.monotonic() + seconds
    stages = {
        "entries": lambda: _days(found, kept, since, begins),
        "assets": lambda: _assets(found, begins),
        "removed assets": lambda: _vanished(found, begins),
        "objects": lambda: _objects(found, read, begins),
    }
    while found.stage:
        for after in stages[found.stage]():
            found.after = after
            if time.monotonic() > until:
                return found
        found.stage, found.after = dict(zip(STAGES, (*STAGES[1:], ""), strict=True))[found.stage], None
    return found


def _nobody(done: int) -> None:
    """Nobody looks on."""


def _days(found: Audit, kept: str, since: dt.date | None, begins: Begins) -> Iterator[str]:
    """The manifests against each other and against the rows."""
    chosen = manifests.chosen(since)
    begin = dt.date.fromisoformat(found.after) + verifying.DAY if found.after else since
    chain = Chain(found.proof, kept=kept, since=since)
    older = Manifest.objects.filter(day__lt=begin) if begin else Manifest.objects.none()
    last = older.aggregate(last=Max("last_seq"))["last"] or BEFORE_ALL
    told = begins("entries", sum(manifest.entries for manifest in chosen))
    told(found.proof.entries)
    for manifest in chosen:
        if begin is None or manifest.day >= begin:
            last = _day(chain, manifest, last, told)
            yield manifest.day.isoformat()
    if chosen or kept:
        chain.end()
    _waiting(found, last)


def _day(chain: Chain, manifest: Manifest, after: int, told: Told) -> int:
    name, to = manifest.day.isoformat(), manifest.last_seq or after
    rows = _Rows(ledger.between(after, to), chain.proof.sayer(name), told)
    try:
        with storage.reported(), storage.open(manifest.blob.key) as source:
            chain.add(name, source, sha256=manifest.sha256, each=rows.compare)
        rows.end()
    except storage.StorageFailed as failure:
        chain.without(name, manifest.sha256, f"its manifest cannot be read: {failure.message}")
    return to


class _Rows:
    """The table's rows beside the entries of a manifest, both in the order of their numbers."""

    def __init__(self, rows: Iterator[dict], say: Say, told: Told) -> None:
        self._rows, self._say, self._told = rows, say, told
        self._row = next(rows, None)

    def compare(self, line: int, entry: dict) -> None:
        self._told(1)
        while self._row and self._row["seq"] < entry["seq"]:
            self._inserted(line)
        if self._row is None or self._row["seq"] > entry["seq"]:
            self._say(line, f"dropped: entry {entry['seq']} is not in the table")
            return
        if wrong := sorted(name for name, value in self._row.items() if value != entry.get(name, _NONE)):
            self._say(line, f"changed: entry {entry['seq']} has another {', '.join(wrong)} in the table")
        self._row = next(self._rows, None)

    def end(self) -> None:
        while self._row:
            self._inserted(0)

    def _inserted(self, line: int) -> None:
        self._say(line, f"inserted: entry {self._row['seq']} is in the table and in no manifest")
        self._row = next(self._rows, None)


def _waiting(found: Audit, last: int) -> None:
    """How much no hash holds yet; and nothing stands there under a number of a closed day."""
    found.waiting = LedgerEntry.objects.filter(seq__gt=last).count()


def _assets(found: Audit, begins: Begins) -> Iterator[str]:
    """Each asset is as its last entry says. Row and entry are written in one transaction, and seen in one look."""
    told, after = begins("assets", ArchiveAsset.objects.count()), found.after
    told(found.assets)
    while page := _asked(_ASSETS, [list(TOLD), after, after, PAGE]):
        for row in page:
            for wrong in _against_last(*row[1:]):
                found.proof.sayer(f"asset {row[0]}")(0, wrong)
        found.assets += len(page)
        told(len(page))
        after = page[-1][0]
        yield str(after)


def _against_last(state, crashes, held, address, seq, last_state, last_crashes, last_held, last_address):
    """What an asset's row says other than its last entry. Claims write no entry: running may stand for waiting."""
    if seq is None:
        yield "it has no entry"
        return
    if state != last_state and not (state == "running" and last_state in DUE_STATES):
        yield f"it is {state}, and entry {seq}, its last, says {last_state}"
    if held != last_held:
        yield f"it holds {held or 'no bytes'}, and entry {seq} says {last_held or 'none'}"
    if crashes != last_crashes:
        yield f"it counts {crashes} crashes, and entry {seq} says {last_crashes}"
    if address != last_address:
        yield f"its address is not the one of entry {seq}"


def _vanished(found: Audit, begins: Begins) -> Iterator[int]:
    """No asset is gone without an entry that says so."""
    end, begin = ledger.last_seq(), found.after or 0
    told = begins("removed assets", end)
    told(begin)
    for after in range(begin, end, PAGE):
        for seq, asset in _asked(_VANISHED, [after, after + PAGE]):
            found.proof.sayer(f"asset {asset}")(0, f"entry {seq} tells of it, and it is gone without an entry")
        told(min(PAGE, end - after))
        yield after + PAGE


def _objects(found: Audit, read: bool, begins: Begins) -> Iterator[str]:
    """What assets hold is in the store with its size; with `read` its bytes hash to its name."""
    held = Blob.objects.filter(Exists(ArchiveAsset.objects.filter(blob=OuterRef("pk")))).order_by("pk")
    told, after = begins("objects", held.count()), found.after
    told(found.objects)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="audit") as pool:
        while page := list((held.filter(pk__gt=after) if after else held)[:OBJECTS]):
            for blob, wrong in zip(page, pool.map(_read if read else _measured, page), strict=True):
                found.objects += 1
                found.bytes += blob.size
                if wrong:
                    found.proof.sayer(f"object {blob.sha256}")(0, wrong)
                told(1)
            after = page[-1].pk
            yield str(after)


def _measured(blob: Blob) -> str:
    try:
        size = storage.size(blob.key)
    except storage.StorageFailed as failure:
        return failure.message
    return "" if size == blob.size else f"it has {size} bytes, and {blob.size} were stored"


def _read(blob: Blob) -> str:
    digest = hashlib.sha256()
    try:
        with storage.reported(), storage.open(blob.key) as source:
            while piece := source.read(PIECE):
                digest.update(piece)
    except storage.StorageFailed as failure:
        return failure.message
    return "" if digest.hexdigest() == blob.sha256 else "its bytes are not those that were stored"


def _asked(statement: str, values: list) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def words(found: Audit) -> Iterator[str]:
    """The audit for people, line by line."""
    yield from (str(problem) for problem in found.problems)
    if found.proof.more:
        yield f"and {found.proof.more} more"
    if found.proof.days:
        days = f"{found.proof.days} closed days, {found.proof.first} to {found.proof.last}"
        yield f"{days}, {found.proof.entries} entries"
        yield f"head {found.proof.last} {found.proof.head}"
    yield f"{found.waiting} entries of days that are not closed"
    yield f"{found.assets} assets against their last entries; {found.objects} objects, {found.bytes} bytes"
    yield "NOT WHOLE" if found.problems else "whole: nothing was changed, dropped, inserted or reordered"
