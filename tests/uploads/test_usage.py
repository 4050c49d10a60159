"""What is kept of whom, and what is on its way in."""

import os
import pickle

import pytest

from apps.uploads import intake, usage
from tests.make import make_playable, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept(ana, bob):
    """Of Ana two tracks, of a paying person a longer one, of Bob nothing, of the house one."""
    payer = make_user("payer", plan="pro")
    for owner, seconds in ((ana, 0.5), (ana, 0.5), (payer, 3.0)):
        make_playable(owner, seconds=seconds)
    make_playable(None, seconds=0.5, kind="library")
    return payer


def test_storage_is_told_by_tier_and_by_person_the_most_first(ana, kept):
    found = usage.storage()
    tiers = {share.name: (share.people, share.files) for share in found["tiers"]}
    assert tiers == {"free": (1, 2), "pro": (1, 1), "enterprise": (0, 0), "the house": (0, 1)}
    assert [(share.name, share.tier, share.files) for share in found["people"]] == [
        ("payer", "pro", 1), ("ana", "free", 2),
    ]  # fmt: skip
    sizes = {share.name: share.bytes for share in [*found["tiers"], *found["people"]]}
    assert sizes["ana"] == sizes["free"] == 2 * sizes["the house"] > 0
    assert usage.of_person(ana).bytes == sizes["ana"]


def test_only_the_most_are_named_and_all_are_counted(kept, monkeypatch):
    monkeypatch.setattr(usage, "MOST_PEOPLE", 1)
    found = usage.storage()
    assert [share.name for share in found["people"]] == ["payer"]
    assert sum(share.files for share in found["tiers"]) == 4


def test_what_is_kept_in_the_cache_opens_no_account(ana, kept):
    """The page's numbers lie in the cache for minutes: no hash of a password does."""
    assert ana.password.encode() not in pickle.dumps(usage.storage())


def test_a_file_that_goes_while_the_spool_is_counted_is_not_there(ana, monkeypatch):
    path = intake.spooled(intake.begin(user=ana, way="tus", size=1000, file_name="a.wav"))
    before, real = usage.spool().files, os.scandir
    path.write_bytes(b"x")

    def going(folder):
        entries = list(real(folder))
        path.unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(os, "scandir", going)
    assert usage.spool().files == before


def test_the_spool_tells_what_is_announced_and_what_lies_there(ana):
    before = usage.spool()
    upload = intake.begin(user=ana, way="tus", size=1000, file_name="a.wav")
    intake.begin(user=ana, way="direct", size=5000, file_name="b.wav")
    intake.spooled(upload).write_bytes(b"x" * 300)
    after = usage.spool()
    assert (after.uploads, after.announced) == (before.uploads + 1, before.announced + 1000)
    assert (after.files - before.files, after.bytes - before.bytes) == (1, 300)
    intake.spooled(upload).unlink()
