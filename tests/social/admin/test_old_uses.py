"""Who still uses the old shape, on the admin's page."""

import pytest

from apps.social import compat
from apps.social.models import DeprecatedUse

pytestmark = pytest.mark.django_db
LIST = "/admin/social/deprecateduse/"


def test_it_says_who_uses_what_and_what_to_do_instead(client, boss, ana):
    compat.count({"page"}, user=ana)
    compat.count({"shape"}, network="192.0.2.1")
    client.force_login(boss)
    shown = client.get(LIST).content.decode()
    assert ana.email in shown and "192.0.2.1" in shown and "Follow next" in shown
    rows = client.get(LIST, {"what": "page"}).context["cl"].result_list
    assert [use.user for use in rows] == [ana]
    assert [use.network for use in client.get(LIST, {"q": "192.0.2"}).context["cl"].result_list] == ["192.0.2.1"]


def test_networks_of_visitors_are_not_for_moderators(client, mod):
    compat.count({"shape"}, network="192.0.2.1")
    client.force_login(mod)
    assert client.get(LIST).status_code == 403
    assert not DeprecatedUse.objects.visible_to(mod).exists()
