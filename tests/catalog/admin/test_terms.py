"""The desk for words."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from apps.catalog import changesets, vocabulary
from apps.catalog.admin.terms import tracks_saying
from apps.catalog.models import Changeset, Term, Track
from apps.lib.admin import page_of
from tests.make import make_track

pytestmark = pytest.mark.django_db

LIST = "/admin/catalog/term/"


@pytest.fixture
def client(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


def term(kind: str, name: str, **facts) -> Term:
    return Term.objects.create(kind=kind, name=name, **facts)


def pressed(client, row: Term, name: str, **sent):
    return client.post(reverse(f"admin:catalog_term_{name}", args=[row.pk]), sent)


def names(client, **query) -> list[str]:
    return [row.name for row in client.get(LIST, query).context["cl"].result_list]


def test_each_kind_has_its_list_most_used_first(client):
    house = term("genre", "House", uses=5)
    for kind, name, uses in (("genre", "Techno", 9), ("mood", "dark", 3), ("creator", "Ana Lee", 1)):
        term(kind, name, uses=uses)
    term("genre", "haus", stands_for=house)
    assert names(client) == ["Techno", "House"]
    assert names(client, kind="mood") == ["dark"] and names(client, kind="creator") == ["Ana Lee"]
    assert names(client, standing="alias") == ["haus"]
    assert names(client, q="hou") == ["House"]


@pytest.mark.parametrize("word", ["drum & bass", 'a "quoted" \\ {word}', "%", "=x"])
def test_the_count_leads_to_the_tracks_that_say_it(ana, client, word):
    make_track(ana)
    track = make_track(ana, genre=word, subgenre=word, mood=[word, "x"], tags=["y", word], is_public=False)
    vocabulary.count()
    for kind in ("genre", "subgenre", "mood", "tag"):
        found = client.get(tracks_saying(Term.objects.get(kind=kind, name=word)))
        assert found.status_code == 200 and [row.pk for row in found.context["cl"].result_list] == [track.pk], kind


def test_a_word_is_merged_by_its_page(ana, client):
    make_track(ana, genre="techno")
    make_track(ana, genre="Electronic")
    vocabulary.count()
    word = Term.objects.get(name="techno")
    page = client.get(reverse("admin:catalog_term_replace_word", args=[word.pk])).content.decode()
    assert '<option value="Electronic">1 track</option>' in page and "1 track" in page
    answer = pressed(client, word, "replace_word", word="electronic")
    changeset = Changeset.objects.get()
    assert answer.url == page_of(changeset) and changeset.kind == "words"
    changesets.work(seconds=60)
    page = client.get(answer.url).content.decode()
    assert "Electronic" in page and page.count("<ins>") >= 1
    client.post(reverse("admin:catalog_changeset_apply", args=[changeset.pk]))
    changesets.work(seconds=60)
    assert set(Track.objects.values_list("genre", flat=True)) == {"Electronic"}
    page = client.get(page_of(Term.objects.get(name="Electronic"))).content.decode()
    assert "techno" in page and "curated" in page
    assert LogEntry.objects.filter(object_id=str(word.pk)).exists()


def test_what_is_no_word_is_said_at_the_field(client):
    word = term("tag", "old")
    for wrong, said in (("a,b", "no comma"), ("", "required"), ("x" * 41, "40 characters")):
        page = pressed(client, word, "replace_word", word=wrong).content.decode()
        assert said in page and 'role="alert"' in page
    assert not Changeset.objects.exists()


def test_an_alias_is_set_free_and_offers_nothing_else(client):
    alias = term("genre", "haus", stands_for=term("genre", "House"))
    page = client.get(page_of(alias)).content.decode()
    assert "replace-word" not in page and "set-free" in page
    pressed(client, alias, "set_free")
    assert Term.objects.get(name="haus").stands_for is None


def test_words_are_marked_one_by_one_and_many_at_once(client):
    words = [term("genre", name) for name in ("House", "Techno", "Dub")]
    pressed(client, words[0], "curate")
    chosen = {ACTION_CHECKBOX_NAME: [str(word.pk) for word in words[:2]], "index": "0"}
    client.post(LIST, {"action": "mark_curated", **chosen})
    assert set(Term.objects.filter(is_curated=True)) == set(words[:2])
    client.post(LIST, {"action": "mark_new", **chosen})
    assert not Term.objects.filter(is_curated=True).exists()


def test_who_may_only_look_changes_nothing(client, monkeypatch, mod):
    word = term("genre", "House")
    monkeypatch.setattr("apps.accounts.models.User.has_perm", lambda self, name, obj=None: name != "catalog.curate")
    assert pressed(client, word, "replace_word", word="x").status_code == 403
    assert pressed(client, word, "curate").status_code == 403
    assert "mark_curated" not in client.get(LIST).content.decode()
    assert not Changeset.objects.exists() and not Term.objects.filter(is_curated=True).exists()
