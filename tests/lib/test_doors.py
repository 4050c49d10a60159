"""Work knows through which door it came in."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from apps.lib import doors


@pytest.mark.parametrize(
    ("path", "door"),
    [("/admin/catalog/track/", "admin"), ("/api/v1/tracks", "api"), ("/upload", "page"), ("/administration", "page")],
)
def test_the_address_names_the_door(path, door):
    seen = []

    def view(request):
        seen.append(doors.current())
        return HttpResponse()

    doors.named(view)(RequestFactory().get(path))
    assert seen == [door]
    assert doors.current() == "system"


def test_a_worker_works_through_the_door_of_whom_it_works_for():
    with pytest.raises(RuntimeError), doors.through("admin"):
        assert doors.current() == "admin"
        raise RuntimeError
    assert doors.current() == "system"
