"""Which profile fields resolution needs, so that they are read although no profile field is imported."""

from __future__ import annotations

from reconciler.model.resources import IdentitySettings


def test_the_profile_fields_that_resolution_reads() -> None:
    settings = IdentitySettings(phone="Phone", name=("First Name", "Last Name"), company="Company")
    assert settings.profile_fields == ("Phone", "First Name", "Last Name", "Company")
    assert IdentitySettings().profile_fields == ()
