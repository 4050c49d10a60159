"""Every operation may answer with a Problem."""

from apps.lib.schema import with_problems


def test_a_problem_answer_is_added_to_each_operation():
    schema = {"components": {}, "paths": {"/a": {"get": {"responses": {"200": {}}}, "post": {"responses": {}}}}}
    made = with_problems(schema, None, None, True)
    assert set(made["components"]["schemas"]["Problem"]["required"]) == {"type", "code", "status", "detail"}
    assert all("default" in operation["responses"] for operation in made["paths"]["/a"].values())
