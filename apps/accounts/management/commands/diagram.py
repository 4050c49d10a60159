"""Prints the tables and what points where, as Mermaid text."""

from collections.abc import Iterator

from django.apps import AppConfig, apps
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models import Field, Model


class Command(BaseCommand):
    help = "Prints the entity-relationship diagram of one app, or of each, from the models themselves."

    def add_arguments(self, parser):
        parser.add_argument("app", nargs="*", help="labels such as playlists; all of ours by default")

    def handle(self, *, app: list[str], **options):
        known = {config.label: config for config in apps.get_app_configs() if config.name.startswith("apps.")}
        if unknown := set(app) - set(known):
            raise CommandError(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(known)}.")
        self.stdout.write("\n\n".join("\n".join(section(known[label])) for label in app or known))


def section(config: AppConfig) -> Iterator[str]:
    """A heading and the diagram of an app's own tables; what they point at elsewhere is named without its columns."""
    models = sorted(config.get_models(), key=lambda model: model.__name__)
    yield from (f"## {config.verbose_name}", "", "```mermaid", "erDiagram")
    for model in models:
        yield from table(model)
    for model in models:
        yield from relations(model)
    yield "```"


def table(model: type[Model]) -> Iterator[str]:
    yield f"    {model.__name__} {{"
    yield from (f"        {column(field)}" for field in model._meta.concrete_fields)
    yield "    }"


def column(field: Field) -> str:
    """Type, name and what key it is; Mermaid takes letters, digits and underscores in a type."""
    kind = (field.db_parameters(connection)["type"] or "").split("(")[0].replace(" ", "_").replace("[]", "_list")
    marks = ["PK"] * field.primary_key + ["FK"] * field.is_relation + ["UK"] * (field.unique and not field.primary_key)
    return f"{kind} {field.column} {', '.join(marks)}".rstrip()


def relations(model: type[Model]) -> Iterator[str]:
    for field in model._meta.concrete_fields:
        if field.is_relation:
            here, there = "|o" if field.one_to_one else "}o", "o|" if field.null else "||"
            yield f"    {model.__name__} {here}--{there} {field.related_model.__name__} : {field.name}"
