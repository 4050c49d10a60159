from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CatalogConfig(AppConfig):
    name = "apps.catalog"
    label = "catalog"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        """Every app says in its `merging` what becomes of its rows when two tracks become one, in its `releasing` what
        goes with a removed one, in its `shape` what it tells of one, and in its `reports` what it notes when a
        track's files are made.
        """
        autodiscover_modules("merging", "releasing", "shape", "reports", "fresh")
