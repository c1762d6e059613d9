from django.db import migrations, models


class Migration(migrations.Migration):
    """A default of the database, so that programs of the version before go on writing releases."""

    dependencies = [("releases", "0003_announce_and_intervene")]

    operations = [
        migrations.AddField(
            model_name="release",
            name="rebased",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Squashed, but commit by commit: they were copied onto the base.",
            ),
        ),
        migrations.AlterField(
            model_name="release",
            name="head_looked_sha",
            field=models.CharField(
                blank=True,
                help_text="The head of which it was asked last whether it contains this.",
                max_length=40,
            ),
        ),
        migrations.RemoveConstraint(model_name="release", name="one_release_per_pull_request"),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "closed"), _negated=True),
                fields=("strategy", "number", "url"),
                name="one_release_per_pull_request",
            ),
        ),
    ]
