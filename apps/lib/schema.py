"""OpenAPI: what every operation may answer with, said once."""

PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is stable; `detail` says what to do.",
    "required": ["type", "code", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "Messages by input field.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
ANSWER = {
    "description": "Refused.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def with_problems(result: dict, generator, request, public) -> dict:
    """A spectacular postprocessing hook: every operation may answer with a Problem."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = ANSWER
    return result
