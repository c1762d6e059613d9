from django.apps import AppConfig


class BlocksConfig(AppConfig):
    name = "blocks"

    def ready(self) -> None:
        from blocks.queries import tie
        from projects.merging import TIES

        if tie not in TIES:
            TIES.append(tie)
