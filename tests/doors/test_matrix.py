"""Five people before every address of the site, with every method: what each gets is said in `matrix.py`."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from rest_framework.permissions import SAFE_METHODS

from apps.accounts.api import ANYONE, SIGNED_IN
from apps.accounts.models import User
from apps.accounts.roles import ROLES, SCOPES, scopes_cover
from tests.doors.matrix import ADMIN, API, PEOPLE, Row, astray, filled, routes, table, unsaid
from tests.doors.world import Case, ask, make_cases, make_people, sign_in, word
from tests.house.test_policies import declared
from tests.make import make_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhindered")]

ROUTES = dict(routes())
# What asks a key for more than its policy says.
STRICTER = {"GET /api/v1/me/export": "admin", "DELETE /api/v1/me": "admin"}


def differences(who: str, client, cases: dict[str, Case], rows: list[Row]) -> dict[str, str]:
    """Where somebody gets something else than the rows say."""
    found, at = {}, PEOPLE.index(who)
    for row in rows:
        case = cases[row.case]
        path = filled(row.route, case.values)
        for method in row.asked:
            got, said = word(ask(client, method, path, case.body)), row.cell(method)[at]
            if got != said:
                found[f"{method} {row.route} [{row.case}] {who}"] = f"{got}, not {said}"
    return found


def pages_of_models() -> Iterator[str]:
    """Addresses of the admin about rows; `test_admin.py` has the tables of who gets which."""
    for model, page in admin.site._registry.items():
        base = f"{ADMIN}{model._meta.app_label}/{model._meta.model_name}/"
        yield from (base, f"{base}add/", f"{base}<path:object_id>/", f"{ADMIN}accounts/user/<id>/password/")
        for name in ("change", "delete", "history", *buttons(page)):
            yield f"{base}<path:object_id>/{name.replace('_', '-')}/"


def buttons(page) -> Iterator[str]:
    """Names of the buttons, also of those in a drop-down."""
    for each in (*page.actions_detail, *page.actions_row):
        yield from each["items"] if isinstance(each, dict) else [each]


def test_every_address_has_its_row():
    missing = unsaid(ROUTES, table()) - set(pages_of_models())
    assert not missing, "say in tests/doors/matrix.py who gets what: " + ", ".join(sorted(missing))


def test_every_row_has_its_address():
    gone = astray(ROUTES, table())
    assert not gone, "no such address: " + ", ".join(sorted(gone))


@pytest.mark.parametrize("who", PEOPLE)
def test_each_person_gets_what_the_table_says(who):
    people = make_people()
    client = sign_in(people[who])
    wrong = differences(who, client, make_cases(people["owner"]), table())
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


def test_staff_without_the_second_factor_that_is_demanded_get_what_a_stranger_gets(settings):
    """Everywhere outside the admin, which leads them to where they turn it on."""
    settings.STAFF_SECOND_FACTOR = True
    people = make_people()
    client, cases = sign_in(people["moderator"]), make_cases(people["owner"])
    for row in table():
        if not row.route.startswith(ADMIN):
            path, body = filled(row.route, cases[row.case].values), cases[row.case].body
            for method in (method for method in row.cells if method != "*"):
                got, said = word(ask(client, method, path, body)), row.cell(method)[PEOPLE.index("stranger")]
                assert got == said, (method, row.route, row.case)


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
def test_no_method_takes_anybody_but_staff_into_the_admin(who):
    """`test_admin.py` says so of GET and POST."""
    people = make_people()
    client, values = sign_in(people[who]), {"object_id": people["owner"].pk, "id": people["owner"].pk}
    for route in sorted(set(pages_of_models())):
        for method in ("PUT", "DELETE"):
            assert word(ask(client, method, filled(route, values))) == "in", (method, route)


def owned() -> dict[str, Row]:
    """Of each address of the API the first row, if there is one in which its owner is not refused.

    A provider's delivery is let in by its signature, whatever key comes with it.
    """
    api = [row for row in reversed(table()) if row.route.startswith(API) and "/hooks/" not in row.route]
    rows = [row for row in api if list(declared(ROUTES[row.route]))]
    free = [row for row in rows if "403" not in {cell[1] for cell in row.cells.values()}]
    return {row.route: row for row in (*rows, *free)}


def opens(policy: dict, method: str, scope: str, holder: User) -> bool:
    """Whether a key with this one scope is let in, by what the view declares."""
    safe = method in SAFE_METHODS
    needed = policy["read" if safe else "write"]
    if scope not in ("admin", policy["read_scope" if safe else "scope"]):
        return False
    held = any(ROLES[role].allows(needed) for role in holder.roles) and scopes_cover(frozenset({scope}), needed)
    return needed in (ANYONE, SIGNED_IN) or held


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_a_key_opens_what_its_scope_and_its_person_open_together(who):
    """S4-12. Everything named is the key holder's own, so that nothing but the policy can refuse."""
    holder = make_people()[who]
    cases, client = make_cases(holder), sign_in(None)
    keys = {scope: {"Authorization": f"Bearer {make_key(holder, scope)}"} for scope in SCOPES}
    wrong, rows = [], owned()
    for route, row in rows.items():
        (policy,) = declared(ROUTES[route])
        path, body = filled(route, cases[row.case].values), cases[row.case].body
        for method, name in ((method, f"{method} {route}") for method in row.cells):
            for scope, header in keys.items():
                let_in = word(ask(client, method, path, body, **header)) not in ("401", "403")
                if let_in != (opens(policy, method, scope, holder) and scope in ("admin", STRICTER.get(name, scope))):
                    wrong.append(f"{name} with {scope}: {'let in' if let_in else 'refused'}")
    assert not wrong, "\n".join(wrong)
    assert len(rows) > 10


def test_a_key_opens_nothing_but_the_api():
    """The strongest key there is counts as nobody on pages, at allauth's addresses and in the admin."""
    people = make_people()
    cases, client = make_cases(people["owner"]), sign_in(None)
    header = {"Authorization": f"Bearer {make_key(people['admin'], 'admin')}"}
    for row in table():
        if not row.route.startswith(API):
            path, body = filled(row.route, cases[row.case].values), cases[row.case].body
            for method in ("GET", "POST"):
                assert word(ask(client, method, path, body, **header)) == row.cell(method)[0], (method, row.route)


def test_addresses_without_rows_and_rows_without_addresses_are_caught():
    rows = table("/gone [private]\n    GET 200 200 200 200 200")
    assert unsaid(["/new", "/gone"], rows) == {"/new"}
    assert astray(["/new"], rows) == {"/gone"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("/healthz\n    GET 200 200 200 200 200", set()),
        ("/healthz\n    GET 404 200 200 200 200", {"GET", "HEAD"}),
        ("/healthz\n    GET DELETE 200 200 200 200 200", {"DELETE"}),
        (
            "/upload\n    GET 302 200 200 200 200\n    * in 405 405 405 405\n    POST in 200 200 200 200",
            {"GET", "HEAD"},
        ),
    ],
)
def test_a_changed_answer_is_caught(text, wrong):
    found = differences("anonymous", sign_in(None), {"": Case({}, {})}, table(text))
    assert {name.partition(" ")[0] for name in found} == wrong


def test_a_table_with_a_slip_is_not_read():
    for line in ("GETT 200 200 200 200 200", "GET 200 200 200 200", "200 200 200 200 200"):
        with pytest.raises((AssertionError, ValueError)):
            table(f"/\n    {line}")
