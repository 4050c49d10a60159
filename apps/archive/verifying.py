"""What a closed day of the ledger looks like, and the proof that a row of them is whole (decision 0063).

Needs nothing but Python's standard library: no database, no settings. Kept beside an export this file proves it alone:
`python3 verifying.py FOLDER --head SHA256`.

A manifest is JSON lines in ASCII, keys sorted, no spaces. The first line is the header, each other one an entry with
its place `n`. The `hash` of a line is the SHA-256 of the hash before it and of the line without it; the header names
the SHA-256 of the former day's whole manifest. So the last SHA-256 stands for everything up to its day.
"""

import argparse
import datetime as dt
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

FORMAT, VERSION = "keeptrack-ledger", 1
SUFFIX, INDEX = ".ndjson", "index.json"
LONGEST_LINE = 65_536
MOST_PROBLEMS, MOST_IN_ALL = 20, 1000  # of one manifest, and of all; the rest is counted
DAY = dt.timedelta(days=1)

_HEX = re.compile(r"[0-9a-f]{64}")
_HEADER = {"count", "day", "first", "format", "hash", "last", "previous", "version"}

Say = Callable[[int, str], None]


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def sealed(body: dict, before: str) -> tuple[bytes, str]:
    """The line of `body`, and its hash, which covers the line whose hash is `before`."""
    digest = hashlib.sha256(before.encode() + canonical(body)).hexdigest()
    return canonical({**body, "hash": digest}) + b"\n", digest


def header(*, day: dt.date, previous: str, count: int, first: int | None, last: int | None) -> dict:
    return {
        "format": FORMAT, "version": VERSION, "day": day.isoformat(), "previous": previous, "count": count,
        "first": first, "last": last,
    }  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What is wrong and where; `line` is 0 for a day as a whole."""

    day: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.day} line {self.line}: {self.what}" if self.line else f"{self.day}: {self.what}"


class Reading:
    """One manifest, read line by line; what is wrong with it is told to `say(line, what)`.

    After `entries` ran to its end `header` (None when unreadable), `count` and the whole's `sha256` are known.
    """

    def __init__(self, source: BinaryIO, say: Say) -> None:
        self._source, self._say = source, say
        self.header: dict | None = None
        self.count, self.sha256 = 0, ""
        self._before: str | None = None  # hash of the last line, None where it cannot be known
        self._first: int | None = None
        self._last: int | None = None

    def entries(self) -> Iterator[tuple[int, dict]]:
        """(number of the line, entry) of each readable line."""
        digest, number = hashlib.sha256(), 0
        while raw := self._source.readline(LONGEST_LINE):
            number += 1
            digest.update(raw)
            body = _parsed(raw)
            if number == 1:
                self._begin(body)
            elif self._follows(number, body):
                yield number, body
        self.sha256 = digest.hexdigest()
        self._end(number)

    def _begin(self, body: dict | None) -> None:
        wrong = _wrong_header(body)
        if wrong:
            self._say(1, wrong)
        else:
            self.header, self._before = body, body["hash"]

    def _follows(self, number: int, body: dict | None) -> bool:
        """Whether the line can be read; says what is wrong with its place or its words."""
        if body is None or not all(type(body.get(name)) is int for name in ("n", "seq")):
            self._say(number, "changed: it is no line of a manifest")
            self.count, self._before = self.count + 1, None
            return False
        n, due = body["n"], self.count + 1
        if n < due:
            self._say(number, f"inserted or out of order: it is entry {n} where entry {due} belongs")
            self._before = None
            return True
        if n > due:
            missing = f"entry {due} is" if n == due + 1 else f"entries {due} to {n - 1} are"
            self._say(number, f"dropped: {missing} missing before it")
        elif self._before is not None and not _hashed(body, self._before):
            self._say(number, "changed: it, or the line before it, is not what was hashed")
        elif self._last is not None and body["seq"] <= self._last:
            self._say(number, f"its seq {body['seq']} does not come after {self._last}")
        self.count, self._before = n, body["hash"]
        self._first, self._last = self._first or body["seq"], body["seq"]
        return True

    def _end(self, lines: int) -> None:
        if not lines:
            self._say(1, "it is empty")
        if self.header is None:
            return
        promised = self.header["count"]
        if self.count < promised:
            self._say(lines + 1, f"cut off: it ends after {self.count} of {promised} entries")
        elif self.count > promised:
            self._say(lines, f"inserted: {self.count} entries where the header counts {promised}")
        elif (self._first, self._last) != (self.header["first"], self.header["last"]):
            self._say(1, "its first and last seq are not those of its entries")


def _parsed(raw: bytes) -> dict | None:
    """The line, when it is written as `sealed` writes; else None."""
    try:
        body = json.loads(raw)
        same = isinstance(body, dict) and canonical(body) + b"\n" == raw
    except (ValueError, RecursionError):
        return None
    return body if same and isinstance(body.get("hash"), str) else None


def _hashed(body: dict, before: str) -> bool:
    return sealed({name: value for name, value in body.items() if name != "hash"}, before)[1] == body["hash"]


def _wrong_header(body: dict | None) -> str:
    if body is None or body.get("format") != FORMAT or set(body) != _HEADER:
        return "changed: it is no header of a manifest"
    if body["version"] != VERSION:
        return f"its version {body['version']} is not known to this program, which knows {VERSION}"
    if not _hashed(body, ""):
        return "changed: the header is not what was hashed"
    numbers = [body["count"], *(body[name] for name in ("first", "last") if body[name] is not None)]
    previous = body["previous"]
    if not all(type(number) is int for number in numbers) or not (previous == "" or is_sha256(previous)):
        return "the header has values that none has"
    return "" if _day(body["day"]) else "the header names no day"


def is_sha256(value: object) -> bool:
    return isinstance(value, str) and bool(_HEX.fullmatch(value))


def _day(value: object) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


@dataclass
class Proof:
    """What was read and what is wrong with it."""

    days: int = 0
    entries: int = 0
    first: str = ""
    last: str = ""
    head: str = ""
    kept: str = ""  # the day of the SHA-256 that was kept outside
    problems: list[Problem] = field(default_factory=list)
    more: int = 0

    def sayer(self, day: str) -> Say:
        """Notes what is wrong with this day, the first of it."""
        noted = 0

        def say(line: int, what: str) -> None:
            nonlocal noted
            noted += 1
            if noted <= MOST_PROBLEMS and len(self.problems) < MOST_IN_ALL:
                self.problems.append(Problem(day, line, what))
            else:
                self.more += 1

        return say

    def told(self) -> dict:
        return {
            "good": not self.problems, "days": self.days, "entries": self.entries, "first": self.first,
            "last": self.last, "head": self.head, "kept": self.kept,
            "problems": [vars(problem) for problem in self.problems], "more": self.more,
        }  # fmt: skip


class Chain:
    """Manifests in the order of their days, each of which has to follow the one before; the first, what is proven."""

    def __init__(self, proof: Proof, *, kept: str = "", since: dt.date | None = None) -> None:
        self.proof, self._kept, self._since = proof, kept, since
        self._day = _day(proof.last)
        self._last_seq = 0

    def add(
        self, name: str, source: BinaryIO, *, sha256: str = "", each: Callable[[int, dict], None] | None = None
    ) -> None:
        """Read the next one; `sha256` where an index names it, `each` hears (line, entry)."""
        found = _day(name)
        say = self.proof.sayer(name)
        reading = Reading(source, say)
        for number, entry in reading.entries():
            if each is not None:
                each(number, entry)
        self.proof.days += 1
        self.proof.entries += reading.count
        if sha256 and reading.sha256 != sha256:
            say(0, f"changed: its SHA-256 is {reading.sha256}, not {sha256}")
        if reading.header is not None:
            self._joined(reading.header, found, say)
        elif found:
            self._day = found
        if self._kept and reading.sha256 == self._kept:
            self.proof.kept = name
        self.proof.first, self.proof.last = self.proof.first or name, name
        self.proof.head = reading.sha256

    def without(self, name: str, sha256: str, what: str) -> None:
        """A day that cannot be read, whose SHA-256 is known: the next one has to follow it all the same."""
        self.proof.sayer(name)(0, what)
        self.proof.days += 1
        self._day, self.proof.last, self.proof.head = _day(name), name, sha256

    def _joined(self, top: dict, named: dt.date | None, say: Say) -> None:
        day = _day(top["day"])
        if named and named != day:
            say(1, f"swapped: it is the manifest of {top['day']}")
        if self._day is None:
            if top["previous"] and self._since is None:
                say(1, "dropped: its header names a day before it, and there is none here")
        else:
            if day != self._day + DAY:
                say(0, _gap(self._day, day))
            if top["previous"] != self.proof.head:
                say(1, "its header names another manifest as the one before: that one or this header was changed")
            if top["first"] is not None and top["first"] <= self._last_seq:
                say(1, f"its first seq {top['first']} does not come after {self._last_seq}")
        self._day, self._last_seq = day, top["last"] or self._last_seq

    def end(self) -> Proof:
        if not self.proof.days:
            self.proof.sayer("-")(0, "there are no manifests here")
        elif self._kept and not self.proof.kept:
            self.proof.sayer(self.proof.last)(
                0, f"the SHA-256 that was kept is of no day here: rewritten, or from another time. This one's is "
                f"{self.proof.head}",
            )  # fmt: skip
        return self.proof


def _gap(before: dt.date, day: dt.date) -> str:
    if day <= before:
        return f"inserted or out of order: it follows {before}"
    if day == before + 2 * DAY:
        return f"dropped: the manifest of {before + DAY} is missing"
    return f"dropped: the manifests of {before + DAY} to {day - DAY} are missing"


def prove(
    paths: Iterable[Path], *, kept: str = "", since: dt.date | None = None, told: Callable[[int], None] = lambda n: None
) -> Proof:
    """The proof of exported manifests: files, or folders with or without their index. `told` hears bytes read.

    `kept` is a SHA-256 that somebody kept outside; `since` leaves out what is older. OSError where nothing can be read.
    """
    proof = Proof()
    files, listed = _files(paths, proof)
    chain = Chain(proof, kept=kept, since=since)
    for name, path in sorted(files):
        if since is None or not (day := _day(name)) or day >= since:
            with path.open("rb") as source:
                chain.add(name, source, sha256=listed.pop(name, ""))
            told(path.stat().st_size)
    for name in sorted(listed):
        if since is None or name >= since.isoformat():
            proof.sayer(name)(0, "dropped: the index names this day, and its manifest is missing")
    return chain.end()


def _files(paths: Iterable[Path], proof: Proof) -> tuple[list[tuple[str, Path]], dict[str, str]]:
    """(day, file) of all that was named, and what the indexes say of them."""
    files, listed = [], {}
    for path in paths:
        if path.is_dir():
            files += sorted(path.glob(f"*{SUFFIX}"))
            if (path / INDEX).exists():
                listed |= _listed(path / INDEX, proof)
        else:
            files.append(path)
    return [(_name(path), path) for path in files], listed


def _name(path: Path) -> str:
    """The day that the file's name says; else the one that it says itself; else its name."""
    if _day(path.name.removesuffix(SUFFIX)):
        return path.name.removesuffix(SUFFIX)
    with path.open("rb") as source:
        body = _parsed(source.readline(LONGEST_LINE)) or {}
    return body["day"] if _day(body.get("day")) else path.name


def _listed(path: Path, proof: Proof) -> dict[str, str]:
    try:
        rows = json.loads(path.read_bytes())["manifests"]
        found = {row["day"]: row["sha256"] for row in rows}
        if not all(_day(day) and is_sha256(sha256) for day, sha256 in found.items()):
            raise ValueError
    except (ValueError, RecursionError, KeyError, TypeError):
        proof.sayer(INDEX)(0, "changed: it is no index of manifests")
        return {}
    return found


def words(proof: Proof) -> Iterator[str]:
    """The proof for people, line by line."""
    yield from (str(problem) for problem in proof.problems)
    if proof.more:
        yield f"and {proof.more} more"
    if proof.days:
        kept = f"; the SHA-256 that was kept is that of {proof.kept}" if proof.kept else ""
        yield f"{proof.days} days, {proof.first} to {proof.last}, {proof.entries} entries{kept}"
        yield f"head {proof.last} {proof.head}"
    yield "NOT WHOLE" if proof.problems else "whole: nothing was changed, dropped, inserted or reordered"


def sha256_given(text: str) -> str:
    if not is_sha256(text.lower()):
        raise argparse.ArgumentTypeError("64 hexadecimal digits")
    return text.lower()


def day_given(text: str) -> dt.date:
    if (day := _day(text)) is None:
        raise argparse.ArgumentTypeError("a day such as 2026-01-31")
    return day


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Proves exported manifests of the ledger whole; 1 when they are not.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE-or-FOLDER")
    parser.add_argument("--head", type=sha256_given, metavar="SHA256", help="of a manifest, kept outside")
    parser.add_argument("--since", type=day_given, metavar="DAY", help="leave out what is older")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    try:
        proof = prove(options.paths, kept=options.head or "", since=options.since)
    except OSError as failure:
        parser.error(str(failure))
    print(json.dumps(proof.told(), indent=2) if options.json else "\n".join(words(proof)))
    return 1 if proof.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
