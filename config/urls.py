from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from apps.accounts.urls import urls as accounts
from apps.archive.urls import urls as archive
from apps.catalog import views as catalog
from apps.lib import links
from apps.playlists.urls import urls as playlists
from apps.social.urls import urls as social
from apps.uploads import views as uploads
from apps.uploads import views_replacing as replacing
from config import health, pages

NO_PHONES = ("account/phone", "auth/phone/verify", "auth/phone/verify/resend")

# Django tries one after the other: programs ask most often, and wait for the fewest.
urlpatterns = [
    path("api/v1/", include("config.api")),
    path("", catalog.front, name="front"),
    path("tracks", catalog.browse, name="browse"),
    path("tracks/<uuid:pk>", catalog.track, name="track-page"),
    path("people/<str:username>", catalog.person, name="person"),
    *playlists,
    path("upload", uploads.upload, name="upload-page"),
    path("tracks/<uuid:pk>/audio", replacing.audio, name="track-audio-page"),
    path("tracks/<uuid:pk>/audio/<uuid:former_pk>/restore", replacing.restore, name="track-audio-restore-page"),
    path("uploads", uploads.uploads, name="uploads-page"),
    path("uploads/<uuid:pk>/cancel", uploads.cancel, name="upload-cancel"),
    *accounts,
    *archive,
    *social,
    # Nobody gives a telephone number here, and allauth's addresses for one would break.
    *(path(f"_allauth/browser/v1/{phone}", pages.page_not_found, {"exception": None}) for phone in NO_PHONES),
    path("_allauth/", include("allauth.headless.urls")),
    path("blobs/<str:token>", links.serve, name="blob"),
    # One way in, with its limits and its second factor.
    path("admin/login/", pages.staff_entrance),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]

handler400 = pages.bad_request
handler403 = pages.permission_denied
handler404 = pages.page_not_found
handler429 = "config.pages.too_many"
handler500 = pages.server_error
