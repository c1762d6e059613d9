import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What is still to be said on pull requests that are left behind."""

    dependencies = [("projects", "0001_initial"), ("releases", "0004_release_rebased")]

    operations = [
        migrations.CreateModel(
            name="Farewell",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.UUIDField(unique=True)),
                ("repository", models.CharField(help_text="owner/name", max_length=300)),
                ("number", models.PositiveIntegerField()),
                ("why", models.CharField(max_length=500)),
                ("project_id", models.BigIntegerField()),
                ("organization_name", models.CharField(max_length=200)),
                ("data", models.JSONField(help_text="Of the line of history that tells it.")),
                ("created_at", models.DateTimeField()),
                ("failures", models.PositiveIntegerField(default=0)),
                ("retry_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True, help_text="The host's own words.")),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "profile",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.profile"
                    ),
                ),
            ],
            options={
                "verbose_name": "last word on a pull request",
                "verbose_name_plural": "last words on pull requests",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(condition=models.Q(("done_at", None)), fields=["created_at"], name="farewell_to_say")
                ],
            },
        ),
    ]
