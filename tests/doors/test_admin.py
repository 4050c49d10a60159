"""The admin as a whole, read from its registry: who gets which page, what a page costs, what a form cannot do."""

import re
from dataclasses import replace

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from apps.accounts.models import (
    ApiKey,
    Letter,
    Lockout,
    Notice,
    Profile,
    RoleChange,
    RoleGrant,
    Session,
    StripeEvent,
    Subscription,
    TierOverride,
    User,
)
from apps.accounts.roles import ROLES, Role
from apps.archive.models import (
    Alarm,
    ArchiveAsset,
    ArchiveHost,
    ArchiveJob,
    Finding,
    Generation,
    LedgerEntry,
    Manifest,
    Order,
    Verification,
)
from apps.catalog.models import Blob, Change, Changeset, Duplicate, Provider, Term, Track
from apps.lib.admin import AccessAdmin
from apps.playlists.models import Entry, Import, Playlist
from apps.social.models import Comment, Decision, DeprecatedUse, Post, Report
from apps.uploads.models import CompressionReport, FolderImport, QuotaDay, QuotaGrant, Upload
from tests.doors.desk import make_desk
from tests.make import make_user

pytestmark = pytest.mark.django_db

ACCOUNTS = [
    User, ApiKey, Session, Lockout, RoleChange, Subscription, TierOverride, StripeEvent, Letter, Notice,
    DeprecatedUse,
]  # fmt: skip
SAID = [Post, Comment, Report, Decision]
MODELS = [
    *ACCOUNTS,
    Track,
    Blob,
    Change,
    Changeset,
    Duplicate,
    Provider,
    Term,
    Alarm,
    ArchiveAsset,
    ArchiveHost,
    ArchiveJob,
    Generation,
    Finding,
    Order,
    LedgerEntry,
    Manifest,
    Verification,
    Upload,
    CompressionReport,
    FolderImport,
    QuotaDay,
    QuotaGrant,
    Playlist,
    Entry,
    Import,
    *SAID,
]
ADMIN, MODERATOR = Role.ADMIN, Role.MODERATOR
CURATED = {
    Track,
    Blob,
    Change,
    Changeset,
    Duplicate,
    Provider,
    Term,
    Alarm,
    ArchiveAsset,
    ArchiveHost,
    ArchiveJob,
    Generation,
    Finding,
    Order,
    LedgerEntry,
    Manifest,
    Verification,
    Upload,
    CompressionReport,
    FolderImport,
    QuotaDay,
    QuotaGrant,
    Playlist,
    Entry,
    Import,
    *SAID,
}
# What each role may do there; whoever is not named does not even enter.
SEES = {ADMIN: set(MODELS), MODERATOR: CURATED}
ADDS = {ADMIN: {User, Provider, Upload, FolderImport, QuotaGrant}, MODERATOR: {Upload}}
DELETES = {ADMIN: {Provider}, MODERATOR: set()}
CHANGES = {ADMIN: {User, Subscription, Provider, Track}, MODERATOR: {Track}}
PRESSES = {
    "make_again": {ADMIN, MODERATOR},
    "remove_track": {ADMIN, MODERATOR},
    "merge": {ADMIN, MODERATOR},
    "not_duplicates": {ADMIN, MODERATOR},
    "open_again": {ADMIN, MODERATOR},
    **dict.fromkeys(["replace_word", "curate", "set_free"], {ADMIN, MODERATOR}),
    **dict.fromkeys(["apply", "preview_again", "undo", "undo_rest", "discard"], {ADMIN, MODERATOR}),
    "archive_now": {ADMIN, MODERATOR},
    "ask_now": {ADMIN, MODERATOR},
    "apply_lifetimes": {ADMIN},
    **dict.fromkeys(["check_again", "repair_now", "write_off", "check_now"], {ADMIN, MODERATOR}),
    "stop_order": {ADMIN, MODERATOR},
    "retry": {ADMIN, MODERATOR},
    "close_breaker": {ADMIN, MODERATOR},
    "verify_now": {ADMIN, MODERATOR},
    "finish_now": {ADMIN, MODERATOR},
    "put_back": {ADMIN, MODERATOR},
    **dict.fromkeys(["drop_cover", "remove_playlist", "take_out", "look_again"], {ADMIN, MODERATOR}),
    **dict.fromkeys(["hide", "restore", "hide_reported", "dismiss_reports"], {ADMIN, MODERATOR}),
    **dict.fromkeys(
        [
            "revoke", "lift", "vouch", "send_verification", "send_reset", "sign_out", "drop_second_factor",
            "drop_avatar", "hand_over_gallery", "cancel_later", "cancel_now", "expire", "reactivate", "withdraw",
            "send_again", "go_on", "stop_folder", "withdraw_grant",
        ],
        {ADMIN},
    ),
}  # fmt: skip
OUTSIDERS = [None, Role.USER, Role.ARTIST, Role.GALLERY_OWNER]
XSS = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def client_of(role: Role | None) -> Client:
    """A browser of somebody new with that role; None is nobody."""
    client = Client()
    if role is not None:
        client.force_login(make_user(roles=[role] if role != Role.USER else []))
    return client


def address(model, page: str, row=None) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=[row.pk] if row else [])


def buttons(model) -> list[str]:
    page = admin.site._registry[model]
    return sorted(page._extract_action_names([*page.actions_detail, *page.actions_row]))


def pages(desk: dict) -> dict[str, str]:
    """Every page about every registered model: what it is → its address."""
    found = {"index": reverse("admin:index")}
    for model, row in desk.items():
        name = model.__name__
        found |= {f"{name} list": address(model, "changelist"), f"{name} add": address(model, "add")}
        for page in ("change", "delete", "history", *buttons(model)):
            found[f"{name} {page}"] = address(model, page, row)
    found["User password"] = reverse("admin:auth_user_password_change", args=[desk[User].pk])
    return found


def allowed(role: Role, page: str, models: dict[str, type]) -> bool:
    """What the tables above say."""
    if page == "index":
        return True
    name, verb = page.split(" ")
    model = models[name]
    if verb in PRESSES:
        return model in SEES[role] and role in PRESSES[verb]
    if verb in ("list", "change", "history"):
        return model in SEES[role]
    return model in {"add": ADDS, "delete": DELETES, "password": CHANGES}[verb][role]


def test_the_tables_here_know_every_page_of_the_admin():
    assert set(admin.site._registry) == set(MODELS)
    assert all(isinstance(page, AccessAdmin) for page in admin.site._registry.values())
    assert {name for model in MODELS for name in buttons(model)} == set(PRESSES)


@pytest.mark.parametrize("role", OUTSIDERS)
def test_nobody_but_staff_enters_anywhere(role):
    client = client_of(role)
    for page, path in pages(make_desk()).items():
        for answer in (client.get(path), client.post(path)):
            assert answer.status_code == 302, page
            assert answer.url.startswith("/admin/login/"), page


@pytest.mark.parametrize("role", [ADMIN, MODERATOR])
def test_staff_get_what_their_role_allows_and_nothing_else(role):
    client, desk = client_of(role), make_desk()
    unused = Provider.objects.create(code="spare", name="Spare", hosts=["spare.example.com"])
    models = {model.__name__: model for model in MODELS}
    for page, path in pages({**desk, Provider: unused}).items():
        answer = client.get(path)
        refused = answer.status_code == 403 or answer.headers.get("Location") == "/admin/"  # a hidden row is not there
        assert (answer.status_code == 200, refused) == (allowed(role, page, models), not allowed(role, page, models)), (
            page
        )


@pytest.mark.parametrize("role", [ADMIN, MODERATOR])
def test_what_staff_may_only_see_refuses_every_post(role):
    client, desk = client_of(role), make_desk()
    for model, row in desk.items():
        verbs = {"change": CHANGES, "delete": DELETES}
        for verb in (verb for verb, table in verbs.items() if model not in table[role]):
            before = model.objects.filter(pk=row.pk).values().get()
            assert client.post(address(model, verb, row), {"post": "yes"}).status_code == 403
            assert model.objects.filter(pk=row.pk).values().get() == before


def test_a_person_who_is_switched_off_is_out_at_once():
    client = client_of(ADMIN)
    User.objects.update(is_active=False)
    assert client.get("/admin/").status_code == 302


def test_a_list_costs_the_same_for_one_row_and_for_twenty():
    """As many queries, whatever stands in the rows."""
    client = client_of(ADMIN)
    costs = {}
    for rows in (1, 19):
        for _ in range(rows):
            make_desk()
        for model in MODELS:
            client.get(address(model, "changelist"))
            with CaptureQueriesContext(connection) as spent:
                client.get(address(model, "changelist"))
            costs.setdefault(model.__name__, []).append(len(spent))
    assert {name: cost for name, cost in costs.items() if cost[0] != cost[1]} == {}


def test_no_list_looks_over_its_whole_table_for_its_filters():
    """Choices of filters are fixed: no DISTINCT; the count stops at the cap."""
    client = client_of(ADMIN)
    make_desk()
    for model in MODELS:
        with CaptureQueriesContext(connection) as spent:
            client.get(address(model, "changelist"), {"_facets": "1"})
        statements = [query["sql"] for query in spent if query["sql"]]
        assert not [sql for sql in statements if "DISTINCT" in sql.replace("DISTINCT ON", "")]
        assert all("LIMIT 10001" in sql for sql in statements if "COUNT(*)" in sql and model._meta.db_table in sql)


def test_words_from_outside_are_shown_and_never_run():
    client, desk = client_of(ADMIN), make_desk(title=XSS, file_name=XSS)
    profile = desk[User].profile
    profile.display_name = profile.bio = XSS
    profile.save()
    Provider.objects.update(name=XSS)
    ArchiveAsset.objects.update(error_code="HTML", error_message=XSS, source_url="javascript:alert(3)")
    ArchiveJob.objects.update(error_message=XSS, original_audio_url="javascript:alert(3)")
    ApiKey.objects.update(name=XSS)
    shown = 0
    for page, path in pages(desk).items():
        content = client.get(path, follow=True).content.decode()
        assert "<script>alert" not in content, page
        assert "<img src=x" not in content, page
        assert not re.search(r"(href|src)=.javascript:", content), page
        shown += "&lt;script&gt;alert(1)&lt;/script&gt;" in content
    assert shown > 20


def without(monkeypatch, permission: str) -> Client:
    """The browser of a moderator whose role lacks this permission."""
    less = tuple(grant for grant in ROLES[MODERATOR].grants if grant != permission)
    monkeypatch.setitem(ROLES, MODERATOR, replace(ROLES[MODERATOR], grants=less))
    return client_of(MODERATOR)


@pytest.mark.parametrize(
    ("permission", "models"),
    [
        ("catalog.see_all", [Track]),
        ("archive.see", [ArchiveAsset, ArchiveJob, Generation, Finding, Alarm, Order]),
        ("archive.see", [ArchiveAsset, ArchiveJob, LedgerEntry, Manifest, Verification]),
        ("playlists.see_all", [Playlist, Entry, Import]),
    ],
)
def test_a_page_starts_at_what_its_viewer_may_see(monkeypatch, permission, models):
    """May look at such pages, yet not at these rows: they are not there, neither in lists nor below others."""
    desk = make_desk()
    Track.objects.update(is_public=False)
    Post.machine.move_all(Post.objects.all(), "hidden")
    client = without(monkeypatch, permission)
    for model in models:
        everything = {Track: {"show": "all"}, ArchiveAsset: {"desk": "all"}}.get(model)
        assert client.get(address(model, "changelist"), everything).context["cl"].result_count == 0
        assert client.get(address(model, "change", desk[model])).status_code == 302
        for name in buttons(model):
            assert client.post(address(model, name, desk[model])).status_code == 404
    holder = Blob if Track in models else Track
    below = client.get(address(holder, "change", desk[holder])).content.decode()
    assert not any(address(model, "change", desk[model]) in below for model in models)


@pytest.mark.parametrize(
    ("permission", "model", "names", "bulk"),
    [
        ("archive.run", ArchiveAsset, ["retry", "archive_now"], "retry_assets"),
        ("archive.run", Track, ["archive_now"], None),
        ("archive.run", ArchiveHost, ["close_breaker"], None),
        ("archive.run", Generation, ["ask_now"], None),
        ("archive.run", Finding, ["check_again", "repair_now"], "repair_chosen"),
        ("archive.run", Blob, ["check_now"], None),
        ("archive.run", Order, ["stop_order"], None),
        ("archive.run", Manifest, ["verify_now"], None),
        ("catalog.curate", Track, ["make_again", "remove_track"], "bulk_action"),
        ("catalog.curate", Changeset, ["apply", "preview_again", "undo", "undo_rest", "discard"], None),
        ("catalog.curate", Duplicate, ["merge", "not_duplicates"], None),
        ("catalog.curate", Term, ["replace_word", "curate"], "mark_curated"),
        ("uploads.retry", Upload, ["finish_now", "retry"], "finish_uploads"),
        ("playlists.curate", Playlist, ["drop_cover", "remove_playlist"], None),
        ("playlists.curate", Entry, ["take_out"], None),
        ("social.moderate", Post, ["hide", "restore"], "hide_chosen"),
        ("social.moderate", Comment, ["hide", "restore"], "restore_chosen"),
        ("playlists.curate", Import, ["look_again"], None),
    ],
)
def test_a_button_needs_its_permission(monkeypatch, permission, model, names, bulk):
    """A moderator without it sees the row, and neither the button nor the bulk action."""
    client, row = without(monkeypatch, permission), make_desk()[model]
    shown = client.get(address(model, "change", row)).content.decode()
    for name in names:
        path = address(model, name, row)
        assert path not in shown
        assert client.post(path).status_code == 403
    assert bulk is None or bulk not in client.get(address(model, "changelist")).content.decode()


def test_no_button_acts_on_a_get_or_without_the_token():
    client, desk = client_of(ADMIN), make_desk()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user(roles=[ADMIN]))
    before = {model: list(model.objects.values()) for model in MODELS if model is not User}
    for model in MODELS:
        for name in buttons(model):
            path = address(model, name, desk[model])
            asked = client.get(path)
            assert b'method="post"' in asked.content
            assert strict.post(path).status_code == 403
    assert {model: list(model.objects.values()) for model in before} == before


def test_a_button_of_a_row_that_is_not_there_is_not_found():
    client, desk = client_of(ADMIN), make_desk()
    for model in MODELS:
        for name in buttons(model):
            path = address(model, name, desk[model]).replace(
                str(desk[model].pk), "00000000-0000-7000-8000-000000000000"
            )
            assert client.post(path).status_code == 404


def test_what_a_button_did_is_in_the_rows_history():
    client, desk = client_of(ADMIN), make_desk()
    client.post(address(Track, "remove_track", desk[Track]))
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.get_change_message()) == (str(desk[Track].pk), "Remove track")


def forged(form: dict, table: str, row, **facts) -> dict:
    """The form with a row of somebody else in one of its tables: to change, to take over, to delete."""
    sent = {**form, f"{table}-TOTAL_FORMS": "1", f"{table}-INITIAL_FORMS": "1", f"{table}-0-DELETE": "on"}
    return sent | {f"{table}-0-{row._meta.pk.name}": str(row.pk), **{f"{table}-0-{k}": v for k, v in facts.items()}}


# Table below a person → what a forger would write into it.
STOLEN = {
    "profile": {"username": "stolen"},
    "grants": {"role": "artist"},
    "role_changes": {"role": "admin", "change": "withdrawn"},
    "subscriptions": {"plan": "free", "status": "cancelled"},
    "tier_overrides": {"plan": "enterprise", "reason": "stolen"},
    "sessions": {"address": "198.51.100.1"},
    "api_keys": {"name": "stolen", "scopes": '["admin"]'},
    "notices": {"title": "stolen"},
}


def test_a_form_cannot_reach_rows_of_somebody_else():
    """A forged formset names another person's rows by their keys, in every table there is (CVE-2026-87975)."""
    client, mine, theirs = client_of(ADMIN), make_desk()[User], make_desk()[User]
    page = client.get(address(User, "change", mine))
    tables = [inline.formset.prefix for inline in page.context["inline_admin_formsets"]]
    assert sorted(tables) == sorted(STOLEN)
    empty = {f"{table}-{name}_FORMS": "0" for table in tables for name in ("TOTAL", "INITIAL")}
    form = {"email": mine.email, "is_active": "on", **empty}
    before = everything_of(theirs)
    for table, facts in STOLEN.items():
        row = Profile.objects.get(user=theirs) if table == "profile" else getattr(theirs, table).first()
        client.post(address(User, "change", mine), forged(form, table, row, user=str(mine.pk), **facts))
        assert everything_of(theirs) == before, table
    assert RoleGrant.objects.filter(user=mine).count() == 1


def everything_of(person: User) -> list[dict]:
    models = [Profile, RoleGrant, RoleChange, Subscription, TierOverride, Session, ApiKey, Notice]
    return [row for model in models for row in model.objects.filter(user=person).values()]


def test_groups_and_permissions_in_tables_have_no_page():
    with pytest.raises(NoReverseMatch):
        reverse("admin:auth_group_changelist")
