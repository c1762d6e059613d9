"""What messages about a release are made of, from its rows."""

from django.conf import settings

from releases.models import Release
from releases.slack_texts import Story


def story_of(release: Release) -> Story:
    """The release comes with its strategy, stage, project and organization."""
    strategy = release.strategy
    project = strategy.stage.project
    project_url = f"{settings.PUBLIC_URL}{project.get_absolute_url()}"
    return Story(
        project=project.name,
        organization=project.organization.name,
        stage=strategy.stage.name,
        base=strategy.base,
        head=strategy.head,
        zone=strategy.time_zone,
        url=release.url or project_url,
        project_url=project_url,
        block_url=f"{settings.PUBLIC_URL}/blocks/new/?project={project.pk}",
        number=release.number,
        commits=release.commits,
        count=max(release.commit_count, len(release.commits)),
    )
