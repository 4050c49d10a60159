"""More files than a page does at once become an order: seen while it goes, and stopped."""

import time

import pytest

from apps.archive import orders, schedule
from apps.archive.admin import assets
from apps.archive.models import ArchiveAsset, Order
from apps.lib import clock, leases
from tests.make import make_generated

pytestmark = pytest.mark.django_db

ASSETS, ORDERS = "/admin/archive/archiveasset/", "/admin/archive/order/"
LATER = "2031-01-01T00:00Z"


@pytest.fixture
def many(ana, monkeypatch):
    """More assets than a page does at once, and small batches."""
    monkeypatch.setattr(assets, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(orders, "BATCH", 2)
    schedule.plan_tracks([make_generated(ana) for _ in range(5)])
    ArchiveAsset.objects.update(next_at=LATER)


def ask(client, verb: str = "retry_assets"):
    chosen = [str(key) for key in ArchiveAsset.objects.values_list("pk", flat=True)]
    return client.post(f"{ASSETS}?desk=all", {"action": verb, "_selected_action": chosen}, follow=True)


def panel(client, order: Order) -> str:
    return client.get(f"{ORDERS}{order.pk}/panel/").content.decode()


@pytest.mark.parametrize(("verb", "meant"), [("retry_assets", "retry"), ("archive_tracks", "archive")])
def test_many_files_become_an_order_whose_page_follows(desk, mod, many, verb, meant):
    answer = ask(desk, verb)
    order = Order.objects.get()
    assert answer.redirect_chain[-1][0] == f"{ORDERS}{order.pk}/change/"
    assert (order.verb, order.total, order.asked_by) == (meant, 5, mod)
    assert not ArchiveAsset.objects.filter(next_at__lte=clock.now()).exists()


def test_its_page_tells_how_far_it_is_and_asks_again_until_it_is_over(desk, many):
    ask(desk)
    order = Order.objects.get()
    shown = desk.get(f"{ORDERS}{order.pk}/change/").content.decode()
    assert f'data-poll="{ORDERS}{order.pk}/panel/"' in shown and "0 of 5 files looked at" in shown
    (claimed,) = leases.claim(Order.objects.all(), Order.machine, limit=1)
    orders._batch(claimed)
    shown = panel(desk, order)
    assert "2 of 5 files looked at, 2 made due" in shown and '<progress aria-label="Files" max="5" value="2">' in shown
    orders.run(claimed, until=time.monotonic() + 30)
    shown = panel(desk, order)
    assert "5 of 5 files" in shown and "done" in shown and "data-poll" not in shown and "<progress" not in shown


def test_stopped_from_its_page_it_leaves_the_rest_and_is_not_stopped_twice(desk, many):
    ask(desk)
    order = Order.objects.get()
    question = desk.get(f"{ORDERS}{order.pk}/stop-order/").content.decode()
    assert "What was brought forward stays so." in question
    (claimed,) = leases.claim(Order.objects.all(), Order.machine, limit=1)
    orders._batch(claimed)
    said = desk.post(f"{ORDERS}{order.pk}/stop-order/", follow=True)
    assert "It is stopped." in " ".join(map(str, said.context["messages"]))
    assert orders._batch(claimed) == 0
    assert ArchiveAsset.objects.filter(next_at__lte=clock.now()).count() == 2
    said = desk.post(f"{ORDERS}{order.pk}/stop-order/", follow=True)
    assert "It is over" in " ".join(map(str, said.context["messages"]))


def test_more_than_the_most_is_refused_on_the_page(desk, many, monkeypatch):
    monkeypatch.setattr(orders, "MOST", 4)
    said = " ".join(map(str, ask(desk).context["messages"]))
    assert "too many at once" in said and not Order.objects.exists()


def test_a_stranger_learns_of_no_order(desk, client, ana, many):
    ask(desk)
    client.force_login(ana)
    assert client.get(f"{ORDERS}{Order.objects.get().pk}/panel/").status_code in (302, 403, 404)
