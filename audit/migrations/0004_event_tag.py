"""Events by tag, newest first: a row for each tag, from now on written with the event. Locks history for a moment only."""

import django.db.models.deletion
from django.db import migrations, models

WRITE = """
CREATE FUNCTION audit_write_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_eventtag (tag, event_id)
    SELECT DISTINCT tag, written.id FROM written, unnest(written.tags) AS tag;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_tags AFTER INSERT ON audit_auditevent REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION audit_write_tags();
"""
STOP = """
DROP TRIGGER audit_tags ON audit_auditevent;
DROP FUNCTION audit_write_tags();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_by_tag")]
    operations = [
        migrations.CreateModel(
            name="EventTag",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tag", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tag", models.CharField(max_length=100)),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="borne",
                        to="audit.auditevent",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(WRITE, STOP),
    ]
