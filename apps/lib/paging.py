"""Keyset pages: `?limit=&cursor=` → `{results, next, previous}`; depth costs nothing."""

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from apps.lib.errors import Refusal


class Keyset(CursorPagination):
    """Newest first by default; the UUIDv7 key is the order of creation and breaks no tie."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    cursor_query_param = "cursor"

    def get_page_size(self, request) -> int:
        raw = request.query_params.get(self.page_size_query_param)
        if raw is None:
            return self.page_size
        if not (raw.isdecimal() and len(raw) < 10 and 1 <= int(raw) <= self.max_page_size):
            message = f"limit: a whole number from 1 to {self.max_page_size}."
            raise Refusal("INVALID", message, fields={"limit": [message]})
        return int(raw)

    def decode_cursor(self, request):
        try:
            return super().decode_cursor(request)
        except NotFound as unreadable:
            message = "cursor: take it from `next` or `previous` of another page."
            raise Refusal("INVALID", message, fields={"cursor": [message]}) from unreadable

    def get_paginated_response(self, data) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_paginated_response_schema(self, schema: dict) -> dict:
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {"results": schema, "next": link, "previous": link}
        return {"type": "object", "required": ["results", "next", "previous"], "properties": properties}
