"""Signing in, to the pages and to the admin, with a limit against guessing."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError

from projects.guessing import Guesser

if TYPE_CHECKING:  # unfold has no types
    from django.contrib.admin.forms import AdminAuthenticationForm
else:
    from unfold.forms import AuthenticationForm as AdminAuthenticationForm

WRONG = "User name or password is wrong. Passwords are case-sensitive."
TOO_MANY = "Too many wrong passwords. Wait a quarter of an hour, or ask an administrator to set a new one."


class Limited(AuthenticationForm):
    """A guesser is told to wait before any password is looked at."""

    def clean(self) -> dict[str, Any]:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        guesser = Guesser(self.cleaned_data.get("username") or "", address)
        if guesser.held_up():
            raise ValidationError(TOO_MANY, code="held-up")
        try:
            cleaned = super().clean()
        except ValidationError:
            guesser.failed()
            raise
        if self.get_user() is not None:
            guesser.succeeded()
        return cleaned


class SignInForm(Limited):
    error_messages = {"invalid_login": WRONG, "inactive": WRONG}


class AdminSignInForm(Limited, AdminAuthenticationForm):
    """That of /admin/login/, which lets in only who may see the admin."""


class SignIn(LoginView):
    authentication_form = SignInForm
    template_name = "registration/sign_in.html"
    redirect_authenticated_user = True
