"""The tags of the events that are there already. Locks nothing; takes some seconds for a million events."""

from django.db import migrations

FILL = """
INSERT INTO audit_eventtag (tag, event_id)
SELECT DISTINCT tag, id FROM audit_auditevent, unnest(tags) AS tag
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_event_tag")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
