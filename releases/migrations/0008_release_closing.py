from django.db import migrations, models


class Migration(migrations.Migration):
    """Defaults of the database, so that programs of the version before go on writing releases."""

    dependencies = [("releases", "0007_goingback_retry_at")]

    operations = [
        migrations.AddField(
            model_name="release",
            name="base",
            field=models.CharField(
                blank=True, db_default="", help_text="Of the pull request, when it opened.", max_length=255
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="head",
            field=models.CharField(
                blank=True, db_default="", help_text="Of the pull request, when it opened.", max_length=255
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="closing",
            field=models.CharField(
                choices=[
                    ("closed", "a person closed it"),
                    ("retargeted", "a person took it to other branches"),
                    ("left", "its strategy releases something else"),
                ],
                db_default="closed",
                default="closed",
                max_length=10,
            ),
        ),
    ]
