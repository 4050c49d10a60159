"""A declared shape: statements and schema from one place."""

import json

import pytest

from apps.lib import shape
from apps.lib.errors import Refusal

ROOT = "unnest(%s::int[]) WITH ORDINALITY AS asked(id, place) CROSS JOIN (SELECT {word} AS word) AS given"
SOURCES = {"twice": "CROSS JOIN LATERAL (SELECT asked.id * 2 AS number) AS twice"}


def make_shape() -> shape.Shape:
    fields = [
        shape.Field("id", "asked.id", shape.WHOLE),
        shape.Field("double", "twice.number", shape.WHOLE, ("twice",), help="2 x"),
        shape.Field("said", lambda: "given.word", shape.TEXT),
    ]
    expands = {
        "numbers": shape.Field("double", "ARRAY[asked.id, twice.number]", shape.list_of(shape.WHOLE), ("twice",))
    }
    return shape.Shape(root=ROOT, sources=SOURCES, fields=fields, expands=expands)


def read(ids: list[int], fields=None, expand=frozenset()) -> list[str]:
    return shape.run(make_shape().statement(fields, expand, word="'x'::text"), [ids])


@pytest.mark.django_db
def test_rows_come_as_json_in_the_order_asked():
    assert read([2, 1]) == ['{"id":2,"double":4,"said":"x"}', '{"id":1,"double":2,"said":"x"}']


@pytest.mark.django_db
def test_an_expansion_stands_where_the_field_of_its_name_stood():
    assert read([2], expand=frozenset({"numbers"})) == ['{"id":2,"double":[2,4],"said":"x"}']


def test_a_source_is_joined_where_a_field_needs_it():
    of = make_shape()
    assert "twice" not in of.statement(frozenset({"id"}), frozenset(), word="''")
    assert "twice" in of.statement(frozenset({"double"}), frozenset(), word="''")


def test_the_same_question_is_put_together_once():
    of = make_shape()
    assert of.statement(None, frozenset(), word="''") is of.statement(None, frozenset(), word="''")


def test_an_added_field_is_read_and_told_of():
    of = make_shape()
    of.add(shape.Field("more", "1", shape.WHOLE))
    assert "more" in of.statement(None, frozenset(), word="''") and "more" in of.schema()["properties"]


def test_the_schema_names_every_field_and_its_help():
    schema = make_shape().schema()
    assert list(schema["properties"]) == schema["required"] == ["id", "double", "said"]
    assert schema["properties"]["double"] == {"type": "integer", "description": "2 x"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "schema", "told"),
    [
        ("NULL::text", shape.TEXT, None),
        ("NULL::uuid", shape.ID, None),
        ("NULL::int", shape.WHOLE, None),
        ("NULL::text[]", shape.WORDS, None),
        ("1.50::numeric::text", shape.DECIMAL, "1.50"),
        ("1500 / 1000::float8", shape.or_null(shape.NUMBER), 1.5),
        ("1 = 1 AND 1 = 2", shape.SWITCH, False),
        ("ARRAY['a\"b', NULL, '']", shape.WORDS, ['a"b', None, ""]),
        ("E'\"\\\\\\n\\x01é'::text", shape.TEXT, '"\\\n\x01é'),
        (shape.built({"a": "'b'::text"}, shape.object_of({"a": shape.TEXT})), shape.object_of({}), {"a": "b"}),
    ],
)
def test_every_value_is_written_as_its_schema_says_and_null_as_null(sql, schema, told):
    (text,) = shape.run(f"SELECT {shape.written(sql, schema)} WHERE %s", [True])
    assert json.loads(text) == told


@pytest.mark.django_db
@pytest.mark.parametrize(("numbers", "told"), [("1, 2", [{"n": 2}, {"n": 1}]), ("NULL", [])])
def test_a_list_has_an_object_for_each_row_in_order(numbers, told):
    of = f"unnest(ARRAY[{numbers}]::int[]) AS part WHERE part IS NOT NULL"
    sql = shape.listed({"n": "part"}, shape.object_of({"n": shape.WHOLE}), order="part DESC", of=of)
    assert [json.loads(text) for text in shape.run(f"SELECT {sql} WHERE %s", [True])] == [told]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2026-11-01 10:00:00.120000+00", "2026-11-01T10:00:00.120000Z"),
        ("2026-11-01 10:00:00+00", "2026-11-01T10:00:00Z"),
        ("2026-11-01 10:00:00+02", "2026-11-01T08:00:00Z"),
    ],
)
def test_moments_are_written_as_rest_framework_does(said, told):
    assert shape.run(f"SELECT {shape.moment('%s::timestamptz')}", [said]) == [told]


@pytest.mark.django_db
def test_any_text_stands_in_a_statement_as_it_is():
    text = "100% O'Neil \\ \""
    assert shape.run(f"SELECT {shape.literal(text)} WHERE %s", [True]) == [text]


def test_a_list_of_names_is_read_or_refused():
    assert shape.names(" a ,b,", "abc", "fields") == {"a", "b"}
    assert shape.names(None, "abc", "fields") == frozenset()
    with pytest.raises(Refusal, match="unknown 'd'"):
        shape.names("a,d", "abc", "fields")
