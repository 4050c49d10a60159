"""Storage use: by tier, by person, and what is on its way in. For `UploadAdmin.actions_list`."""

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action

from apps.uploads import usage

MEASURED_FOR_S = 300


@action(description="Storage use", url_path="storage-use", permissions=["uploads.view_upload"], icon="storage")
def storage_use(model_admin, request: HttpRequest) -> HttpResponse:
    """The kept files counted over whole tables, at most once in a while; the spool as it is now."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Storage use",
        **cache.get_or_set("uploads.storage", usage.storage, MEASURED_FOR_S),
        "spool": usage.spool(),
        "see_people": request.user.has_perm("accounts.view_user"),
    }
    return TemplateResponse(request, "admin/uploads/storage.html", context)
