from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PlaylistsConfig(AppConfig):
    name = "apps.playlists"
    label = "playlists"
    verbose_name = "Playlists"

    def ready(self) -> None:
        """Apps above say in their `sources` what a track may be added by."""
        autodiscover_modules("sources")
