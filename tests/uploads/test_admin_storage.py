"""The page of storage use."""

import pytest
from django.test import Client

from tests.make import make_playable

pytestmark = pytest.mark.django_db

PAGE = "/admin/uploads/upload/storage-use/"


def test_staff_see_who_keeps_what_and_only_who_may_see_people_gets_links(ana, mod, boss):
    make_playable(ana, seconds=0.5)
    for staff, linked in ((mod, False), (boss, True)):
        client = Client()
        client.force_login(staff)
        shown = client.get(PAGE).content.decode()
        assert "ana" in shown and "By tier" in shown and "Free on its disk" in shown
        assert (f"/admin/accounts/user/{ana.pk}/change/" in shown) == linked
        assert PAGE in client.get("/admin/").content.decode()


def test_nobody_else_sees_it(ana):
    client = Client()
    client.force_login(ana)
    assert client.get(PAGE).status_code in (302, 403)
