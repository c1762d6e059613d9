"""The index that EventTag replaces. Concurrently, so that nobody waits."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("audit", "0005_tags_of_events")]
    operations = [RemoveIndexConcurrently("auditevent", "audit_by_tag")]
