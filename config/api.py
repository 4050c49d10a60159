"""`/api/v1/`: what each app offers, the schema and its page."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.accounts import api as accounts
from apps.archive import api as archive
from apps.archive import api_generations, api_hooks, api_ledger
from apps.catalog import api as catalog
from apps.playlists import api as playlists
from apps.social import api as social
from apps.uploads import api as uploads
from apps.uploads import api_direct, api_events, api_replacing, api_tus

READING = ["get", "head"]

urlpatterns = [
    path("", include([*catalog.urls, *social.urls, *playlists.urls, *accounts.urls])),
    path("", include([*api_tus.urls, *api_events.urls, *api_direct.urls, *uploads.urls])),
    path("", include([*api_replacing.urls, *archive.urls, *api_ledger.urls])),
    path("", include([*api_generations.urls, *api_hooks.urls])),
    path("schema/", SpectacularAPIView.as_view(http_method_names=READING), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema", http_method_names=READING), name="docs"),
]
