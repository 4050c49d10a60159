from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from apps.catalog import views as catalog
from apps.lib import links
from apps.uploads import views as uploads
from config import health, pages

urlpatterns = [
    path("", catalog.front, name="front"),
    path("tracks/<uuid:pk>", catalog.track, name="track-page"),
    path("upload", uploads.upload, name="upload-page"),
    path("sign-in", pages.sign_in, name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("blobs/<str:token>", links.serve, name="blob"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]

handler400 = pages.bad_request
handler403 = pages.permission_denied
handler404 = pages.page_not_found
handler500 = pages.server_error
