import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Defaults of the database, so that programs of the version before go on writing what people say. What was said in
    spite of something before holds no more: nobody knows what was seen of it."""

    dependencies = [("releases", "0005_farewell")]

    operations = [
        migrations.AddField(
            model_name="intervention",
            name=name,
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        )
        for name in ("seen_blocks", "seen_hours")
    ]
