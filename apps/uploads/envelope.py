"""`{success, track?, error?, errorCode?, details?, message?}` for who asks for it by `shape=result` (S0-17)."""

import json

from django.http import HttpResponseBase, JsonResponse
from drf_spectacular.utils import OpenApiParameter

from apps.catalog.api.answers import shown
from apps.catalog.models import Track
from apps.uploads import sameness

SHAPE = OpenApiParameter(
    "shape", str, enum=["result"],
    description="result: {success, track?, error?, errorCode?, details?, message?}, also of a refusal.",
)  # fmt: skip
SAID = ("type", "code", "status", "detail")


class Enveloped:
    """For a view that answers with one upload or refuses it; the statuses stay what they are."""

    def finalize_response(self, request, response, *args, **kwargs) -> HttpResponseBase:
        if self.request.GET.get("shape") == "result":
            if isinstance(response, JsonResponse):
                response = _refused(response)
            elif "error_code" in (response.data or {}):
                response.data = _told(self.request, response.data)
        return super().finalize_response(request, response, *args, **kwargs)


def _told(request, upload: dict) -> dict:
    if upload["error_code"]:
        details = {"upload": upload["id"]}
        return _failed(upload["error_message"], upload["error_code"], details)
    seen = Track.objects.visible_to(request.user).filter(pk=upload["track"]).exists()
    track = {"track": shown(request, upload["track"])} if seen else {}
    return {"success": True, **track, "message": _message(upload)}


def _message(upload: dict) -> str:
    if upload["is_duplicate"]:
        return sameness.DUPLICATE
    return "Track uploaded" if upload["track"] else "The file is being checked"


def _refused(response: JsonResponse) -> JsonResponse:
    problem = json.loads(response.content)
    details = problem.pop("details", {}) | {name: said for name, said in problem.items() if name not in SAID}
    body = _failed(problem["detail"], problem["code"], details)
    headers = {name: said for name, said in response.items() if name not in ("Content-Type", "Content-Length")}
    return JsonResponse(body, status=response.status_code, headers=headers)


def _failed(error: str, code: str, details: dict) -> dict:
    return {"success": False, "error": error, "errorCode": code, **({"details": details} if details else {})}
