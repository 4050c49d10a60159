"""`/changesets`: bulk edits and imports by programs of staff, from the asking to the undoing."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.catalog import actions, changesets
from apps.catalog.models import Changeset, Track
from tests.make import make_key, make_track

pytestmark = pytest.mark.django_db

ALL = "/api/v1/changesets"
HOUSE = [{"do": "set", "field": "genre", "value": "House"}]


def worked() -> None:
    assert changesets.work(seconds=60) == 1


def asked(client, **body) -> dict:
    answer = client.post(ALL, {"operations": HOUSE, **body}, format="json")
    assert answer.status_code == 201, answer.json()
    worked()
    return answer.json()


def said(client, changeset: dict, what: str = "") -> dict:
    answer = client.get(f"{ALL}/{changeset['id']}{what and '/'}{what}")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def done(client, changeset: dict, what: str, **body) -> dict:
    """Press it, let a worker work, and look."""
    answer = client.post(f"{ALL}/{changeset['id']}/{what}", body, format="json")
    assert answer.status_code == 202, answer.json()
    assert answer.json()["state"] == "due"
    worked()
    return said(client, changeset)


def refused(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def genres() -> list[str]:
    return list(Track.objects.order_by("pk").values_list("genre", flat=True))


def a_table(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("tracks.csv", text.encode(), "text/csv")


def test_tracks_are_named_previewed_changed_and_put_back(ana, mod, as_):
    tracks = [make_track(ana, genre=genre) for genre in ("Techno", "House", "Dub")]
    client = as_(mod)
    changeset = asked(client, tracks=[str(track.pk) for track in tracks], title="All to House")
    assert (changeset["title"], changeset["state"], changeset["made_by"]) == ("All to House", "due", "mod")
    seen = said(client, changeset)
    assert (seen["state"], seen["rows_total"], seen["progress"]) == ("previewed", 2, {"done": 2, "total": 2})
    rows = said(client, changeset, "rows")["results"]
    assert [(row["track"], row["old"], row["new"]) for row in rows] == [
        (str(tracks[0].pk), {"genre": "Techno"}, {"genre": "House"}),
        (str(tracks[2].pk), {"genre": "Dub"}, {"genre": "House"}),
    ]
    assert genres() == ["Techno", "House", "Dub"]
    assert done(client, changeset, "apply")["state"] == "applied" and genres() == ["House"] * 3
    seen = done(client, changeset, "undo")
    assert (seen["state"], seen["undone_by"], genres()) == ("undone", "mod", ["Techno", "House", "Dub"])


def test_filters_choose_among_what_one_may_change(ana, mod, as_):
    for genre in ("Techno", "Dub"):
        make_track(ana, genre=genre, is_public=False)
    changeset = asked(as_(mod), filters={"genre": "techno"})
    done(as_(mod), changeset, "apply")
    assert genres() == ["House", "Dub"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID"),
        ({"tracks": [], "filters": {"genre": "x"}}, "INVALID"),
        ({"tracks": []}, "INVALID"),
        ({"filters": {}}, "INVALID"),
        ({"filters": {"genre": "nothing has it"}}, "INVALID"),
        ({"filters": {"owner__email": "x"}}, "UNKNOWN_FILTER"),
        ({"filters": {"genre": ["a"]}}, "INVALID"),
        ({"tracks": ["nonsense"]}, "INVALID"),
        ({"filters": {"genre": "a\0b"}}, "INVALID"),
        ({"operations": []}, "INVALID"),
        ({"operations": [{"do": ["set"], "field": {"a": 1}}]}, "INVALID"),
        ({"operations": [{"do": "set", "field": "owner", "value": "x"}]}, "INVALID"),
        ({"operations": [{"do": "set", "field": "tempo", "value": {"a": 1}}]}, "INVALID"),
        ({"operations": [{"do": "set", "field": "tempo", "value": "fast"}]}, "INVALID"),
        ({"operations": [{"do": "set", "field": "is_public", "value": [1]}]}, "INVALID"),
        ({"operations": [{"do": "set", "field": "title", "value": "a\0b"}]}, "INVALID"),
        ({"operations": [{"do": "add", "field": "mood", "value": 5}]}, "INVALID"),
        ({"operations": [{"do": "clear", "field": "title"}]}, "INVALID"),
        ({"operations": [{"do": "replace", "field": "title"}]}, "INVALID"),
        ({"operations": "x"}, "INVALID"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(ana, mod, as_, body, code):
    make_track(ana, genre="Techno")
    body = {"operations": HOUSE, **({"filters": {"genre": "Techno"}} if "operations" in body else {}), **body}
    assert refused(as_(mod).post(ALL, body, format="json")) == (400, code)
    assert not Changeset.objects.exists()


def test_words_are_replaced_and_lists_taken(ana, mod, as_):
    make_track(ana, title="Night Train", genre="x", tags=["a", "b"])
    operations = [
        {"do": "replace", "field": "title", "find": "night ", "put": ""},
        {"do": "remove", "field": "tags", "value": ["A"]},
        {"do": "add", "field": "tags", "value": "c, d"},
        {"do": "set", "field": "is_public", "value": False},
        {"do": "set", "field": "tempo", "value": 120.5},
        {"do": "clear", "field": "genre"},
    ]
    done(as_(mod), asked(as_(mod), filters={"genre": "x"}, operations=operations), "apply")
    track = Track.objects.values("title", "tags", "is_public", "genre").get()
    assert track == {"title": "Train", "tags": ["b", "c", "d"], "is_public": False, "genre": ""}


def test_what_changed_since_is_told_and_may_be_left(ana, mod, as_):
    tracks = [make_track(ana, genre="Techno") for _ in range(2)]
    changeset = asked(as_(mod), filters={"genre": "Techno"})
    done(as_(mod), changeset, "apply")
    actions.edit(track=tracks[1], by=ana, genre="Jazz")
    seen = done(as_(mod), changeset, "undo")
    assert (seen["state"], seen["error_code"]) == ("applied", "CHANGED_SINCE") and genres() == ["House", "Jazz"]
    (conflict,) = said(as_(mod), changeset, "conflicts")
    assert {name: conflict[name] for name in ("track", "field", "expected", "now", "changed_by")} == {
        "track": str(tracks[1].pk), "field": "genre", "expected": "House", "now": "Jazz", "changed_by": "ana",
    }  # fmt: skip
    assert done(as_(mod), changeset, "undo", leave_changed=True)["state"] == "undone"
    assert genres() == ["Techno", "Jazz"]


def test_a_preview_that_is_out_of_date_is_made_anew(ana, mod, as_):
    track = make_track(ana, genre="Techno")
    changeset = asked(as_(mod), tracks=[str(track.pk)])
    actions.edit(track=track, by=ana, genre="Jazz")
    assert done(as_(mod), changeset, "apply")["error_code"] == "CHANGED_SINCE"
    assert done(as_(mod), changeset, "preview")["state"] == "previewed"
    assert done(as_(mod), changeset, "apply")["state"] == "applied" and genres() == ["House"]


def test_a_discarded_one_is_over(ana, mod, as_):
    changeset = asked(as_(mod), tracks=[str(make_track(ana).pk)])
    assert as_(mod).post(f"{ALL}/{changeset['id']}/discard").json()["state"] == "discarded"
    for what in ("apply", "undo", "preview", "discard"):
        assert refused(as_(mod).post(f"{ALL}/{changeset['id']}/{what}"))[0] == 409


def test_only_its_maker_applies_it(ana, mod, boss, as_):
    changeset = asked(as_(mod), tracks=[str(make_track(ana).pk)])
    assert refused(as_(boss).post(f"{ALL}/{changeset['id']}/apply")) == (403, "FORBIDDEN")
    assert genres() == [""]


def test_a_table_is_imported(ana, mod, as_):
    track = make_track(ana)
    answer = as_(mod).post(f"{ALL}/import", {"file": a_table(f"id,genre\n{track.pk},House\nnobody,x\n")})
    assert (answer.status_code, answer.json()["kind"], answer.json()["door"]) == (201, "import", "api")
    worked()
    seen = said(as_(mod), answer.json())
    assert (seen["rows_total"], seen["rows_refused"]) == (1, 1)
    (row,) = said(as_(mod), answer.json(), "rows?problems=1")["results"]
    assert row["line"] == 3 and "no track" in row["problem"]
    done(as_(mod), answer.json(), "apply")
    assert genres() == ["House"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({}, 400, "INVALID"), ({"file": "text"}, 400, "INVALID"), ({"file": b""}, 400, "EMPTY_FILE"),
     ({"file": b"titel\n"}, 400, "SHEET_COLUMNS"), ({"file": b"id,title\n1,\xe9"}, 400, "SHEET_ENCODING"),
     ({"file": b"PK\x03\x04..."}, 422, "SHEET_UNREADABLE")],
)  # fmt: skip
def test_what_is_no_table_is_refused(mod, as_, body, status, code):
    body = {name: SimpleUploadedFile("x", v) if isinstance(v, bytes) else v for name, v in body.items()}
    assert refused(as_(mod).post(f"{ALL}/import", body)) == (status, code)
    assert not Changeset.objects.exists()


def test_a_repeated_import_is_one(ana, mod, as_):
    track = make_track(ana)
    ids = {
        as_(mod).post(
            f"{ALL}/import", {"file": a_table(f"id,genre\n{track.pk},House\n")}, HTTP_IDEMPOTENCY_KEY="once"
        ).json()["id"]
        for _ in range(2)
    }  # fmt: skip
    assert len(ids) == 1 == Changeset.objects.count()


def test_nobody_else_gets_in(ana, bob, mod, as_):
    """The owner of a track no more than a stranger; a key needs the scope admin, also to read."""
    changeset = asked(as_(mod), tracks=[str(make_track(ana).pk)])
    addresses = [ALL, f"{ALL}/{changeset['id']}", *(f"{ALL}/{changeset['id']}/{n}" for n in ("rows", "conflicts"))]
    weak, strong = APIClient(), APIClient()
    weak.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'read', 'write')}")
    strong.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'admin')}")
    for client, status in ((as_(None), 401), (as_(ana), 403), (as_(bob), 403), (weak, 403), (strong, 200)):
        assert {client.get(address).status_code for address in addresses} == {status}
    assert refused(weak.post(ALL, {"operations": HOUSE, "tracks": []}, format="json")) == (403, "FORBIDDEN")


def test_an_unknown_one_is_not_found(mod, as_):
    nobody = "00000000-0000-7000-8000-000000000000"
    for what in ("", "/rows", "/conflicts"):
        assert as_(mod).get(f"{ALL}/{nobody}{what}").status_code == 404
    for what in ("apply", "undo", "discard", "preview"):
        assert as_(mod).post(f"{ALL}/{nobody}/{what}").status_code == 404


def test_lists_cost_the_same_for_one_and_for_twenty(ana, mod, as_):
    client, costs = as_(mod), []
    tracks = [str(make_track(ana, title=str(n)).pk) for n in range(20)]
    for many in (1, 20):
        for _ in range(many):
            changeset = asked(client, tracks=tracks[:many])
        for address in (ALL, f"{ALL}/{changeset['id']}/rows"):
            client.get(address)
            with CaptureQueriesContext(connection) as spent:
                assert len(client.get(address).json()["results"]) >= many
            costs.append(len(spent))
    assert costs[:2] == costs[2:]
