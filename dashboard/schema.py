"""What the OpenAPI description cannot see by itself: how clients sign in."""

from drf_spectacular.authentication import BasicScheme


class HorizonBasicScheme(BasicScheme):  # type: ignore[no-untyped-call]
    """Our Basic, which remembers passwords, is Basic to clients."""

    target_class = "projects.basic_auth.BasicAuthentication"
    priority = 0
