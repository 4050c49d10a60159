"""Pictures of people: put, replaced, dropped; nothing is kept of what was refused (S4-11)."""

import io

import pytest
from django.conf import settings as site
from PIL import Image

from apps.accounts import avatars
from apps.accounts.models import Avatar, User
from apps.lib.errors import NotFound, Refusal

pytestmark = pytest.mark.django_db


def picture(colour="red", form="PNG", size=(60, 40)) -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, form)
    out.seek(0)
    return out


def test_a_picture_is_kept_as_a_small_square(ana):
    kept = avatars.put(user=ana, content=picture())
    made = Image.open(io.BytesIO(avatars.image(kept.sha256)))
    assert (made.format, made.size) == ("WEBP", (512, 512)) and len(kept.image) <= 200_000
    assert avatars.address(ana) == kept.sha256


def test_a_new_picture_replaces_the_old_one(ana):
    old, new = (avatars.put(user=ana, content=picture(colour)).sha256 for colour in ("red", "blue"))
    assert old != new and Avatar.objects.get().sha256 == new
    with pytest.raises(NotFound):
        avatars.image(old)


def test_a_dropped_picture_is_gone_and_dropping_twice_is_harmless(ana):
    sha256 = avatars.put(user=ana, content=picture()).sha256
    avatars.drop(user=ana)
    avatars.drop(user=ana)
    assert avatars.address(ana) == ""
    with pytest.raises(NotFound):
        avatars.image(sha256)


def test_the_same_picture_of_two_people_stays_while_one_has_it(ana, bob):
    sha256 = {avatars.put(user=user, content=picture()).sha256 for user in (ana, bob)}
    avatars.drop(user=ana)
    assert avatars.image(*sha256)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(NotFound):
        avatars.image(*sha256)


@pytest.mark.parametrize(
    ("content", "code", "status"),
    [
        (io.BytesIO(b""), "EMPTY_FILE", 400),
        (io.BytesIO(b"<svg/>"), "INVALID_PICTURE", 400),
        (io.BytesIO(bytes(5 * 1024 * 1024 + 1)), "FILE_TOO_LARGE", 413),
    ],
    ids=["empty", "svg", "too large"],
)
def test_what_is_refused_leaves_what_was_there_and_nothing_else(ana, content, code, status):
    known = avatars.put(user=ana, content=picture())
    with pytest.raises(Refusal) as refused:
        avatars.put(user=ana, content=content)
    assert (refused.value.code, refused.value.status, list(refused.value.fields)) == (code, status, ["file"])
    assert Avatar.objects.get().sha256 == known.sha256
    assert not list(site.SPOOL.glob("job-*/picture"))
