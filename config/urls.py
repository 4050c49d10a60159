from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from apps.catalog import views as catalog
from apps.lib import links
from config import health

urlpatterns = [
    path("", catalog.front, name="front"),
    path("tracks/<uuid:pk>", catalog.track, name="track-page"),
    path("sign-in", auth.LoginView.as_view(template_name="accounts/sign_in.html"), name="sign-in"),
    path("sign-out", auth.LogoutView.as_view(), name="sign-out"),
    path("blobs/<str:token>", links.serve, name="blob"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
