"""The offline proof: whatever was done to an export is found, and named by day and line."""

import datetime as dt
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from apps.archive import verifying
from apps.archive.verifying import canonical, header, prove, sealed

FIRST = dt.date(2026, 1, 30)


def written(folder: Path, days: int = 4, entries: int = 5, *, before: str = "", first: dt.date = FIRST) -> list[Path]:
    """An export as the archive writes it; returns its files."""
    files, seq = [], 0
    for n in range(days):
        day, count = first + n * verifying.DAY, entries if n != 2 else 0
        numbers = {"first": seq + 1, "last": seq + 2 * count} if count else {"first": None, "last": None}
        line, mark = sealed(header(day=day, previous=before, count=count, **numbers), "")
        lines = [line]
        for place in range(1, count + 1):
            seq += 1 if place == 1 else 2 if place < count else 3
            entry = {"n": place, "seq": seq, "event": "archived", "facts": {"seconds": seq / 7, "said": "naïve"}}
            line, mark = sealed(entry, mark)
            lines.append(line)
        path = folder / f"{day}.ndjson"
        path.write_bytes(b"".join(lines))
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(path)
    return files


def said(folder: Path, **options) -> list[str]:
    return [str(problem) for problem in prove([folder], **options).problems]


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def resealed(path: Path, change) -> None:
    """What somebody would write who can count hashes: `change(bodies)`, and every hash anew."""
    bodies, before, lines = [json.loads(line) for line in lines_of(path)], "", []
    change(bodies)
    for body in bodies:
        body.pop("hash", None)
        line, before = sealed(body, before)
        lines.append(line)
    path.write_bytes(b"".join(lines))


def overlap(bodies: list[dict]) -> None:
    """Numbers of a day that was closed before."""
    for place, body in enumerate(bodies[1:], 1):
        body["seq"] = place
    bodies[0].update(first=1, last=5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda bodies: bodies[0].pop("count"), "it is no header of a manifest"),
        (lambda bodies: bodies[0].update(more=1), "it is no header of a manifest"),
        (lambda bodies: bodies[0].update(last=bodies[0]["last"] + 1), "its first and last seq are not those"),
        (overlap, "does not come after"),
    ],
    ids=["lacking", "more", "other numbers", "overlapping"],
)
def test_a_header_that_hashes_well_must_fit_its_entries_and_the_day_before(tmp_path, change, words):
    resealed(written(tmp_path)[-1], change)
    assert words in "\n".join(said(tmp_path))


def test_a_whole_export_is_proven(tmp_path):
    files = written(tmp_path)
    proof = prove([tmp_path])
    assert (proof.problems, proof.days, proof.entries) == ([], 4, 15)
    assert proof.head == hashlib.sha256(files[-1].read_bytes()).hexdigest()
    assert prove(files[::-1]).problems == []


def test_a_changed_line_is_named(tmp_path):
    path = written(tmp_path)[1]
    lines = lines_of(path)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b"archived", b"obtained"), *lines[4:]]))
    first, *rest = said(tmp_path)
    assert first == "2026-01-31 line 4: changed: it, or the line before it, is not what was hashed"
    assert rest == [
        "2026-02-01 line 1: its header names another manifest as the one before: that one or this header was changed"
    ]


def test_a_line_that_was_changed_and_hashed_anew_is_found_at_the_next_one(tmp_path):
    path = written(tmp_path)[1]
    lines = lines_of(path)
    body = json.loads(lines[3]) | {"event": "lost"}
    del body["hash"]
    lines[3], _ = sealed(body, json.loads(lines[2])["hash"])
    path.write_bytes(b"".join(lines))
    assert said(tmp_path)[0] == "2026-01-31 line 5: changed: it, or the line before it, is not what was hashed"


@pytest.mark.parametrize(("line", "number"), [(1, 1), (3, 3), (4, 4)])
def test_a_dropped_line_is_named(tmp_path, line, number):
    path = written(tmp_path)[1]
    lines = lines_of(path)
    del lines[line]
    path.write_bytes(b"".join(lines))
    assert said(tmp_path)[0] == f"2026-01-31 line {line + 1}: dropped: entry {number} is missing before it"


@pytest.mark.parametrize("last", [5, 2, 1])
def test_a_day_that_was_cut_off_is_named(tmp_path, last):
    path = written(tmp_path)[3]
    path.write_bytes(b"".join(lines_of(path)[:last]))
    assert said(tmp_path) == [f"2026-02-02 line {last + 1}: cut off: it ends after {last - 1} of 5 entries"]


def test_an_inserted_line_is_named(tmp_path):
    path = written(tmp_path)[0]
    lines = lines_of(path)
    path.write_bytes(b"".join([*lines[:3], lines[2], *lines[3:]]))
    assert said(tmp_path)[0] == "2026-01-30 line 4: inserted or out of order: it is entry 2 where entry 3 belongs"
    forged, _ = sealed({"n": 3, "seq": 4, "event": "lost", "facts": {}}, json.loads(lines[2])["hash"])
    path.write_bytes(b"".join([*lines[:3], forged, *lines[3:]]))
    assert said(tmp_path)[0] == "2026-01-30 line 5: inserted or out of order: it is entry 3 where entry 4 belongs"
    more, _ = sealed({"n": 6, "seq": 99, "event": "lost", "facts": {}}, json.loads(lines[5])["hash"])
    path.write_bytes(b"".join([*lines, more]))
    assert said(tmp_path)[0] == "2026-01-30 line 7: inserted: 6 entries where the header counts 5"


def test_reordered_lines_are_named(tmp_path):
    path = written(tmp_path)[0]
    lines = lines_of(path)
    lines[2], lines[3] = lines[3], lines[2]
    path.write_bytes(b"".join(lines))
    assert said(tmp_path)[:2] == [
        "2026-01-30 line 3: dropped: entry 2 is missing before it",
        "2026-01-30 line 4: inserted or out of order: it is entry 2 where entry 4 belongs",
    ]


def test_a_changed_header_is_named(tmp_path):
    path = written(tmp_path)[3]
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"count":5', b'"count":4'))
    assert said(tmp_path) == ["2026-02-02 line 1: changed: the header is not what was hashed"]
    top = json.loads(lines_of(path)[0]) | {"first": 12}
    del top["hash"]
    path.write_bytes(b"".join([sealed(top, "")[0], *lines_of(path)[1:]]))
    assert "2026-02-02 line 2: changed: it, or the line before it, is not what was hashed" in said(tmp_path)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ([0], "2026-01-31 line 1: dropped: its header names a day before it, and there is none here"),
        ([1], "2026-02-01: dropped: the manifest of 2026-01-31 is missing"),
        ([1, 2], "2026-02-02: dropped: the manifests of 2026-01-31 to 2026-02-01 are missing"),
    ],
)
def test_a_missing_day_is_named(tmp_path, gone, words):
    files = written(tmp_path)
    for n in gone:
        files[n].unlink()
    assert said(tmp_path)[0] == words


def test_a_missing_last_day_is_found_by_the_index_or_by_the_sha256_that_was_kept(tmp_path):
    files = written(tmp_path)
    kept = [{"day": f.stem, "sha256": hashlib.sha256(f.read_bytes()).hexdigest()} for f in files]
    (tmp_path / "index.json").write_text(json.dumps({"manifests": kept}))
    assert said(tmp_path) == []
    files[-1].unlink()
    assert said(tmp_path) == ["2026-02-02: dropped: the index names this day, and its manifest is missing"]
    (tmp_path / "index.json").unlink()
    assert said(tmp_path) == []
    (problem,) = said(tmp_path, kept=kept[-1]["sha256"])
    assert problem.startswith("2026-02-01: the SHA-256 that was kept is of no day here")


def test_swapped_days_are_named(tmp_path):
    files = written(tmp_path)
    one, other = files[0].read_bytes(), files[1].read_bytes()
    files[0].write_bytes(other), files[1].write_bytes(one)
    found = said(tmp_path)
    assert "2026-01-30 line 1: swapped: it is the manifest of 2026-01-31" in found
    assert "2026-01-31 line 1: swapped: it is the manifest of 2026-01-30" in found


def test_a_tail_that_was_hashed_anew_is_found_by_a_sha256_that_was_kept_outside(tmp_path):
    """Who may write everything leaves no contradiction; what somebody else knows is one."""
    files = written(tmp_path)
    heads = [hashlib.sha256(f.read_bytes()).hexdigest() for f in files]
    other = tmp_path / "rewritten"
    other.mkdir()
    (other / files[0].name).write_bytes(files[0].read_bytes())
    written(other, 3, entries=4, before=heads[0], first=FIRST + verifying.DAY)
    forged = [p for p in said(other) if "does not come after" not in p]
    assert forged == []
    assert prove([other], kept=heads[0]).kept == "2026-01-30"
    (problem,) = [p for p in said(other, kept=heads[3]) if "does not come after" not in p]
    assert problem.startswith("2026-02-02: the SHA-256 that was kept is of no day here: rewritten")


def test_what_is_older_may_be_left_out(tmp_path):
    files = written(tmp_path)
    files[0].unlink()
    assert said(tmp_path, since=FIRST + verifying.DAY) == []
    assert prove([tmp_path], since=FIRST + 2 * verifying.DAY).days == 2


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"{", b"[]\n", b"null\n", b'{"hash":"x"}\n', b"[" * 60_000, b"\xff\n", b'{"n":1e999,"seq":1}\n',
     b'{"n":' + b"9" * 5000 + b',"seq":1,"hash":"x"}\n', b"x" * 200_000],
)  # fmt: skip
def test_lines_that_nobody_wrote_are_named_and_break_nothing(tmp_path, line):
    files = written(tmp_path)
    lines = lines_of(files[1])
    for place in (0, 3):
        spoilt = [*lines]
        spoilt[place] = line
        files[1].write_bytes(b"".join(spoilt))
        assert said(tmp_path)[0].startswith("2026-01-31 line")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"manifests":[{"day":1,"sha256":"x"}]}', "[" * 50_000])
def test_an_index_that_is_none_is_named(tmp_path, text):
    written(tmp_path)
    (tmp_path / "index.json").write_text(text)
    assert said(tmp_path) == ["index.json: changed: it is no index of manifests"]


def test_an_empty_folder_proves_nothing(tmp_path):
    assert said(tmp_path) == ["-: there are no manifests here"]


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> tuple[Path, list[Path], list[bytes], str]:
    folder = tmp_path_factory.mktemp("export")
    files = written(folder)
    whole = [file.read_bytes() for file in files]
    return folder, files, whole, hashlib.sha256(whole[-1]).hexdigest()


@trying(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_edit_of_any_byte_goes_unseen(export, data):
    """Changed, put in or taken out, one byte or some."""
    folder, files, whole, _ = export
    which = data.draw(st.integers(0, len(files) - 1))
    place = data.draw(st.integers(0, len(whole[which]) - 1))
    taken = data.draw(st.integers(0, 3))
    put = data.draw(st.binary(max_size=3) | st.sampled_from([b" ", b"\n", b"0", b"\r\n"]))
    edited = whole[which][:place] + put + whole[which][place + taken :]
    files[which].write_bytes(edited)
    try:
        problems = prove([folder]).problems
    finally:
        files[which].write_bytes(whole[which])
    assert bool(problems) == (edited != whole[which])
    if problems:
        days = {problem.day for problem in problems}
        assert files[which].stem in days
        line = whole[which].count(b"\n", 0, place) + 1
        named = [p.line for p in problems if p.day == files[which].stem and p.line]
        assert any(abs(found - line) <= 2 for found in named)


@trying(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.integers(0, 6), st.sampled_from([0, 1, 3]))
def test_no_choice_or_order_of_lines_but_the_true_one_is_whole(export, order, many, which):
    folder, files, whole, _ = export
    lines = whole[which].splitlines(keepends=True)
    edited = b"".join(lines[n] for n in order[:many])
    files[which].write_bytes(edited)
    try:
        assert bool(prove([folder]).problems) == (edited != whole[which])
    finally:
        files[which].write_bytes(whole[which])


def test_the_file_alone_proves_an_export_without_anything_of_this_site(tmp_path):
    written(tmp_path)
    program = tmp_path / "verifying.py"
    program.write_bytes(Path(verifying.__file__).read_bytes())

    def run(*words) -> subprocess.CompletedProcess:
        command = [sys.executable, "-I", program, tmp_path, *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={}, check=False)

    good = run()
    assert good.returncode == 0 and "whole: nothing was changed" in good.stdout
    assert run("--head", "0" * 64).returncode == 1
    (tmp_path / "2026-01-31.ndjson").unlink()
    bad = run("--json")
    assert bad.returncode == 1 and json.loads(bad.stdout)["problems"][0]["day"] == "2026-02-01"
    assert run("--head", "nonsense").returncode == 2
    assert (
        subprocess.run([sys.executable, "-I", program, tmp_path / "none"], capture_output=True, check=False).returncode
        == 2
    )


def test_what_is_hashed_is_written_in_one_way_only():
    assert canonical({"b": 1, "a": "é"}) == b'{"a":"\\u00e9","b":1}'
