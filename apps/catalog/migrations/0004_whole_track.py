"""The whole track: its parts, its words, its plays, and the curation of it in bulk with a history of every change."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension, CreateExtension, TrigramExtension, UnaccentExtension
from django.db import migrations, models

import apps.lib.records


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_without_owner"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        BtreeGistExtension(),
        TrigramExtension(),
        UnaccentExtension(),
        CreateExtension("fuzzystrmatch"),
        migrations.RunSQL("CREATE SEQUENCE catalog_track_number", "DROP SEQUENCE catalog_track_number"),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(editable=False)),
                ("table", models.CharField(editable=False, max_length=63)),
                ("row_id", models.UUIDField(editable=False)),
                (
                    "action",
                    models.CharField(
                        choices=[("I", "made"), ("U", "changed"), ("D", "deleted")], editable=False, max_length=1
                    ),
                ),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=63), default=list, editable=False, size=None
                    ),
                ),
                ("old", models.JSONField(editable=False, null=True)),
                ("new", models.JSONField(editable=False, null=True)),
                ("door", models.CharField(editable=False, max_length=20)),
            ],
        ),
        migrations.CreateModel(
            name="Changeset",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("next_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("lease_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("token", models.BigIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("crashes", models.PositiveIntegerField(default=0, editable=False)),
                ("error_code", models.CharField(blank=True, default="", editable=False, max_length=40)),
                ("error_message", models.CharField(blank=True, default="", editable=False, max_length=500)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("edit", "bulk edit"),
                            ("import", "Import"),
                            ("words", "vocabulary"),
                            ("merge", "merged tracks"),
                        ],
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("title", models.CharField(editable=False, max_length=200)),
                (
                    "step",
                    models.CharField(
                        choices=[("preview", "Preview"), ("apply", "Apply"), ("undo", "Undo")],
                        default="preview",
                        editable=False,
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("due", "due"),
                            ("running", "running"),
                            ("retrying", "retrying"),
                            ("previewed", "previewed"),
                            ("applied", "applied"),
                            ("undone", "undone"),
                            ("failed", "failed"),
                            ("discarded", "discarded"),
                        ],
                        default="due",
                        editable=False,
                        max_length=20,
                    ),
                ),
                (
                    "order",
                    models.JSONField(
                        default=dict, editable=False, help_text="What was asked for: which rows, and what of them."
                    ),
                ),
                ("door", models.CharField(editable=False, max_length=20)),
                ("rows_total", models.PositiveIntegerField(default=0, editable=False, help_text="Rows that change.")),
                (
                    "rows_refused",
                    models.PositiveIntegerField(default=0, editable=False, help_text="Rows that cannot change."),
                ),
                ("applied_at", models.DateTimeField(editable=False, null=True)),
                ("undone_at", models.DateTimeField(editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ChangesetRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("table", models.CharField(help_text="app_model of the row", max_length=63)),
                ("row_id", models.UUIDField(null=True)),
                ("line", models.PositiveIntegerField(help_text="Of an imported sheet.", null=True)),
                ("old", models.JSONField(null=True)),
                ("new", models.JSONField(null=True)),
                ("problem", models.CharField(blank=True, default="", max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name="Credit",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=255)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("composer", "Composer"),
                            ("songwriter", "Songwriter"),
                            ("lyricist", "Lyricist"),
                            ("arranger", "Arranger"),
                            ("producer", "Producer"),
                            ("performer", "Performer"),
                            ("publisher", "Publisher"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "ipi",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Its name number, 11 digits.",
                        max_length=20,
                        verbose_name="IPI",
                    ),
                ),
                (
                    "pro",
                    models.CharField(
                        blank=True, default="", help_text="Society: ASCAP, BMI, …", max_length=100, verbose_name="PRO"
                    ),
                ),
                (
                    "split",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=5,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="split (%)",
                    ),
                ),
                (
                    "contact_email",
                    models.EmailField(blank=True, default="", help_text="For the owner and staff.", max_length=255),
                ),
                (
                    "contact_phone",
                    models.CharField(blank=True, default="", help_text="For the owner and staff.", max_length=50),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Duplicate",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=10), editable=False, size=None
                    ),
                ),
                (
                    "likeness",
                    models.DecimalField(decimal_places=3, editable=False, help_text="1 is the same.", max_digits=4),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("dismissed", "dismissed"), ("merged", "merged")],
                        default="open",
                        editable=False,
                        max_length=20,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Instrument",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("category", models.CharField(help_text="synth, drums, bass, guitar, vocals, …", max_length=100)),
                ("type", models.CharField(blank=True, default="", help_text="808, electric guitar, …", max_length=100)),
                ("is_primary", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Play",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("listener", models.CharField(editable=False, max_length=64)),
                (
                    "window",
                    models.DateTimeField(
                        editable=False, help_text="Start of the window in which this listener counts once."
                    ),
                ),
                ("played_at", models.DateTimeField(editable=False)),
                ("counted_at", models.DateTimeField(editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PlayDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(db_index=True)),
                ("plays", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Sample",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("pack_name", models.CharField(blank=True, default="", max_length=255)),
                ("description", models.TextField(blank=True, default="", max_length=2000)),
                ("is_cleared", models.BooleanField(default=False)),
                ("clearance_notes", models.TextField(blank=True, default="", max_length=2000)),
            ],
        ),
        migrations.CreateModel(
            name="Section",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(help_text="intro, verse, chorus, bridge, outro, …", max_length=50)),
                ("start_ms", models.PositiveBigIntegerField(db_comment="milliseconds from the start")),
                ("end_ms", models.PositiveBigIntegerField(db_comment="milliseconds from the start")),
                ("description", models.TextField(blank=True, default="", max_length=2000)),
            ],
        ),
        migrations.CreateModel(
            name="Term",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.lib.records.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("genre", "Genre"),
                            ("subgenre", "Subgenre"),
                            ("mood", "Mood"),
                            ("tag", "Tag"),
                            ("creator", "Creator"),
                        ],
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                (
                    "is_curated",
                    models.BooleanField(default=False, help_text="Staff have looked at it.", verbose_name="curated"),
                ),
                (
                    "uses",
                    models.PositiveIntegerField(
                        default=0, editable=False, help_text="Tracks that say it, as last counted."
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Word",
            fields=[
                ("word", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("uses", models.PositiveIntegerField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="track",
            name="track_status_known",
        ),
        migrations.RemoveConstraint(
            model_name="track",
            name="track_removed_when_removed",
        ),
        migrations.AddField(
            model_name="track",
            name="clearance",
            field=models.CharField(
                choices=[("cleared", "Cleared"), ("blocked", "Blocked"), ("unknown", "Unknown")],
                default="unknown",
                editable=False,
                help_text="The verdict of `clearance.py`, kept for filters.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="track",
            name="clearance_reasons",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40), blank=True, default=list, editable=False, size=None
            ),
        ),
        migrations.AddField(
            model_name="track",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="catalog.track",
            ),
        ),
        migrations.AddField(
            model_name="track",
            name="number",
            field=models.BigIntegerField(
                db_default=models.Func(models.Value("catalog_track_number"), function="nextval"),
                editable=False,
                unique=True,
            ),
        ),
        migrations.AddField(
            model_name="track",
            name="search",
            field=django.contrib.postgres.search.SearchVectorField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="trackfile",
            name="starts_ms",
            field=models.PositiveBigIntegerField(
                db_comment="where in the track a preview begins, milliseconds", editable=False, null=True
            ),
        ),
        migrations.AlterField(
            model_name="track",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "pending"),
                    ("ready", "ready"),
                    ("failed", "failed"),
                    ("merged", "merged"),
                    ("removed", "removed"),
                ],
                default="pending",
                editable=False,
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=django.contrib.postgres.indexes.GinIndex(models.F("search"), name="track_search"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.OrderBy(models.F("popularity_score"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("is_public", True), ("status", "ready")),
                name="track_popular_public",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                django.db.models.functions.text.Lower("genre"),
                models.OrderBy(models.F("popularity_score"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("is_public", True), ("status", "ready")),
                name="track_popular_of_genre",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(models.F("title"), models.F("id"), name="track_by_title"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(models.F("duration_ms"), models.F("id"), name="track_by_duration"),
        ),
        migrations.AddIndex(
            model_name="providersource",
            index=models.Index(models.F("provider_track_id"), name="source_of_provider_id"),
        ),
        migrations.RemoveIndex(model_name="track", name="track_genre_tempo_key"),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                django.db.models.functions.text.Lower("genre"),
                models.F("tempo"),
                models.F("pitch_class"),
                name="track_genre_tempo_key",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(models.F("tempo"), models.F("id"), name="track_by_tempo"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(models.F("release_date"), models.F("id"), name="track_by_release"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                django.db.models.functions.text.Lower("subgenre"),
                condition=models.Q(("subgenre", ""), _negated=True),
                name="track_subgenre",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.OrderBy(models.F("popularity_score"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="track_by_popularity",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.OrderBy(models.F("play_count"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="track_by_plays",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.F("clearance"), models.OrderBy(models.F("id"), descending=True), name="track_by_clearance"
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                django.db.models.functions.text.Lower("catalog_number"),
                condition=models.Q(("catalog_number", ""), _negated=True),
                name="track_by_catalog_number",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.OrderBy(models.F("id"), descending=True),
                models.F("artist"),
                models.F("genre"),
                models.F("tempo"),
                models.F("pitch_class"),
                condition=models.Q(
                    ("removed_at__isnull", True),
                    models.Q(
                        ("artist", ""),
                        ("genre", ""),
                        ("tempo__isnull", True),
                        ("pitch_class__isnull", True),
                        _connector="OR",
                    ),
                ),
                name="track_incomplete",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.OrderBy(models.F("id"), descending=True),
                models.F("clearance"),
                condition=models.Q(("clearance__in", ["unknown", "blocked"]), ("removed_at__isnull", True)),
                name="track_unclear",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.F("kind"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("removed_at__isnull", True)),
                name="track_of_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.F("artist"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("removed_at__isnull", True), models.Q(("artist", ""), _negated=True)),
                name="track_of_artist",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.F("pitch_class"),
                models.F("mode"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("removed_at__isnull", True)),
                name="track_of_key",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.F("status"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("status", "ready"), _negated=True),
                name="track_not_ready",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("is_public", False), ("removed_at__isnull", True)),
                name="track_private",
            ),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("is_pro_only", True), ("removed_at__isnull", True)),
                name="track_pro_only",
            ),
        ),
        migrations.AddIndex(
            model_name="derivation",
            index=models.Index(models.F("track"), condition=models.Q(("state", "failed")), name="derivation_failed"),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("pending", "ready", "failed", "merged", "removed"))),
                name="track_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("removed_at__isnull", False), ("status__in", ["removed", "merged"])),
                    models.Q(
                        models.Q(("status__in", ["removed", "merged"]), _negated=True), ("removed_at__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="track_removed_when_gone",
            ),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("merged_into__isnull", False), ("status", "merged")),
                    models.Q(models.Q(("status", "merged"), _negated=True), ("merged_into__isnull", True)),
                    _connector="OR",
                ),
                name="track_merged_into_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.CheckConstraint(
                condition=models.Q(("merged_into", models.F("pk")), _negated=True), name="track_not_merged_into_itself"
            ),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.CheckConstraint(
                condition=models.Q(("clearance__in", ["cleared", "blocked", "unknown"])), name="track_clearance_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.CheckConstraint(
                condition=models.Q(("popularity_score__range", (0, 100))), name="track_popularity_range"
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="track",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="changeset",
            name="made_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="changeset",
            name="undone_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="changeset",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="changes",
                to="catalog.changeset",
            ),
        ),
        migrations.AddField(
            model_name="changesetrow",
            name="changeset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="catalog.changeset"
            ),
        ),
        migrations.AddField(
            model_name="changesetrow",
            name="track",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="credit",
            name="track",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="credits", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="first",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="second",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="duplicate",
            name="settled_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="instrument",
            name="track",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="instruments", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="play",
            name="track",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="plays", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="play",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="plays",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="playday",
            name="track",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="play_days", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="sample",
            name="track",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="samples", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="section",
            name="track",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="sections", to="catalog.track"
            ),
        ),
        migrations.AddField(
            model_name="term",
            name="stands_for",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="aliases",
                to="catalog.term",
            ),
        ),
        migrations.AddIndex(
            model_name="word",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["word"], name="word_trigram", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="changeset",
            index=models.Index(
                models.F("next_at"), condition=models.Q(("state__in", ["due", "retrying"])), name="changeset_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="changeset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ("due", "running", "retrying", "previewed", "applied", "undone", "failed", "discarded"),
                    )
                ),
                name="changeset_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="changeset",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["edit", "import", "words", "merge"])), name="changeset_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="changeset",
            constraint=models.CheckConstraint(
                condition=models.Q(("step__in", ["preview", "apply", "undo"])), name="changeset_step_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="changeset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "undone"), _negated=True), ("undone_at__isnull", False), _connector="OR"
                ),
                name="changeset_undone_when",
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(
                models.F("track"), models.OrderBy(models.F("id"), descending=True), name="change_of_track"
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(models.F("at"), name="change_at"),
        ),
        migrations.AddIndex(
            model_name="changesetrow",
            index=models.Index(models.F("changeset"), models.F("id"), name="changeset_rows_in_order"),
        ),
        migrations.AddConstraint(
            model_name="changesetrow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("problem", ""), _negated=True),
                    ("old__isnull", False),
                    ("new__isnull", False),
                    _connector="OR",
                ),
                name="changeset_row_changes",
            ),
        ),
        migrations.AddIndex(
            model_name="credit",
            index=models.Index(django.db.models.functions.text.Lower("name"), name="credit_name"),
        ),
        migrations.AddIndex(
            model_name="credit",
            index=models.Index(models.F("ipi"), condition=models.Q(("ipi", ""), _negated=True), name="credit_ipi"),
        ),
        migrations.AddConstraint(
            model_name="credit",
            constraint=models.CheckConstraint(condition=models.Q(("name__trim__length__gt", 0)), name="credit_named"),
        ),
        migrations.AddConstraint(
            model_name="credit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "role__in",
                        ["composer", "songwriter", "lyricist", "arranger", "producer", "performer", "publisher"],
                    )
                ),
                name="credit_role_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="credit",
            constraint=models.CheckConstraint(
                condition=models.Q(("split__isnull", True), ("split__range", (0, 100)), _connector="OR"),
                name="credit_split_range",
            ),
        ),
        migrations.AddIndex(
            model_name="duplicate",
            index=models.Index(
                models.F("state"),
                models.OrderBy(models.F("likeness"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                name="duplicate_likest",
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("open", "dismissed", "merged"))), name="duplicate_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.UniqueConstraint(fields=("first", "second"), name="duplicate_once"),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.CheckConstraint(
                condition=models.Q(("first__lt", models.F("second"))), name="duplicate_older_first"
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicate",
            constraint=models.CheckConstraint(
                condition=models.Q(("likeness__range", (0, 1))), name="duplicate_likeness_range"
            ),
        ),
        migrations.AddIndex(
            model_name="instrument",
            index=models.Index(
                django.db.models.functions.text.Lower("category"), models.F("track"), name="instrument_category"
            ),
        ),
        migrations.AddIndex(
            model_name="instrument",
            index=models.Index(
                django.db.models.functions.text.Lower("type"),
                models.F("track"),
                condition=models.Q(("type", ""), _negated=True),
                name="instrument_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="instrument",
            constraint=models.CheckConstraint(
                condition=models.Q(("category__trim__length__gt", 0)), name="instrument_named"
            ),
        ),
        migrations.AddConstraint(
            model_name="instrument",
            constraint=models.UniqueConstraint(
                models.F("track"), models.F("category"), models.F("type"), name="instrument_once"
            ),
        ),
        migrations.AddIndex(
            model_name="play",
            index=models.Index(models.F("id"), condition=models.Q(("counted_at__isnull", True)), name="play_to_count"),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.UniqueConstraint(fields=("track", "listener", "window"), name="play_once_per_window"),
        ),
        migrations.AddConstraint(
            model_name="playday",
            constraint=models.UniqueConstraint(fields=("track", "day"), name="play_day_once"),
        ),
        migrations.AddIndex(
            model_name="sample",
            index=models.Index(models.F("track"), condition=models.Q(("is_cleared", False)), name="sample_not_cleared"),
        ),
        migrations.AddIndex(
            model_name="section",
            index=models.Index(models.F("track"), models.F("start_ms"), name="section_in_order"),
        ),
        migrations.AddIndex(
            model_name="section",
            index=models.Index(models.F("name"), name="section_name"),
        ),
        migrations.AddConstraint(
            model_name="section",
            constraint=models.CheckConstraint(
                condition=models.Q(("end_ms__gt", models.F("start_ms"))), name="section_ends_after_its_start"
            ),
        ),
        migrations.AddConstraint(
            model_name="section",
            constraint=models.CheckConstraint(condition=models.Q(("name__trim__length__gt", 0)), name="section_named"),
        ),
        migrations.AddConstraint(
            model_name="section",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[("track", "="), (models.Func("start_ms", "end_ms", function="int8range"), "&&")],
                name="section_without_overlap",
            ),
        ),
        migrations.AddIndex(
            model_name="term",
            index=models.Index(
                models.F("kind"),
                models.OrderBy(models.F("uses"), descending=True),
                models.F("name"),
                name="term_most_used",
            ),
        ),
        migrations.AddIndex(
            model_name="term",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["name"], name="term_trigram", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.UniqueConstraint(
                models.F("kind"), django.db.models.functions.text.Lower("name"), name="term_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["genre", "subgenre", "mood", "tag", "creator"])),
                name="term_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.CheckConstraint(
                condition=models.Q(("stands_for", models.F("pk")), _negated=True), name="term_not_its_own_alias"
            ),
        ),
    ]
