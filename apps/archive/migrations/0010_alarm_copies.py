from django.db import migrations, models


class Migration(migrations.Migration):
    """A danger more, and the name of another: nothing changes in the database."""

    dependencies = [("archive", "0009_verification")]

    operations = [
        migrations.AlterField(
            model_name="alarm",
            name="kind",
            field=models.CharField(
                choices=[
                    ("expiring", "files about to expire fail"),
                    ("lost", "files were lost"),
                    ("queue", "the queue does not move"),
                    ("late", "files are old and not archived"),
                    ("findings", "stored files are damaged or missing"),
                    ("breaker", "a provider's host is shut out"),
                    ("manifest", "a day of the ledger is not closed"),
                    ("copies", "stored files have no copy"),
                    ("test", "a test"),
                ],
                editable=False,
                max_length=10,
            ),
        ),
    ]
