from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("releases", "0006_intervention_seen")]

    operations = [
        migrations.AddField(
            model_name="goingback",
            name="retry_at",
            field=models.DateTimeField(null=True),
        ),
    ]
