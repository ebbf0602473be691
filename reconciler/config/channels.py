"""The shape of `spec.notifications` in the project file. Addresses of webhooks open a door, so they are secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from reconciler.config import defaults, shapes
from reconciler.config.parts import Name, Secret, Strict, shape

ConditionName = Literal[
    "failing",
    "needs-auth",
    "safety-stop",
    "rejected-many",
    "config-invalid",
    "source-failed",
    "source-rewritten",
    "needs-approval",
]

MailAddress = Annotated[
    str, Field(max_length=254, json_schema_extra={"pattern": r"^[^@\s]+@[^@\s]+$"}), shape(shapes.mail_address)
]


class _Channel(Strict):
    name: Name = Field(description="What the channel is called in logs and metrics.")
    conditions: list[ConditionName] = Field(
        default=[], max_length=20, description="The conditions it hears of; none named: all of them."
    )
    documents: list[Name] = Field(
        default=[], max_length=1000, description="The documents it hears of; none named: all of them, and the project."
    )


class SlackChannel(_Channel):
    """A webhook that takes messages as Slack does."""

    type: Literal["slack"]
    url: Annotated[Secret, Field(description="The https address of the webhook; whoever knows it can post.")]


class WebhookChannel(_Channel):
    """A webhook that takes JSON, signed when there is a secret."""

    type: Literal["webhook"]
    url: Annotated[Secret, Field(description="The https address of the webhook.")]
    secret: Secret | None = Field(default=None, description="Signs every request (HMAC-SHA256).")


class SmtpSpec(Strict):
    """A mail server that takes mail for others."""

    host: Annotated[str, shape(shapes.mail_host), Field(max_length=253, description="Name or address of the server.")]
    port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(
        default=None, description="Left out: 587 for starttls, 465 for tls, 25 for none."
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        default=defaults.TLS, description="`none` only for a relay on a trusted network, and without a password."
    )
    username: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="Left out: no login."
    )
    password: Secret | None = Field(default=None, description="Of the user; never without TLS.")

    @model_validator(mode="after")
    def _login_is_whole_and_safe(self) -> SmtpSpec:
        if (self.username is None) != (self.password is None):
            raise PydanticCustomError("E-VALUE", "a login has both `username` and `password`")
        if self.password is not None and self.tls == "none":
            raise PydanticCustomError("E-VALUE", "a password is never sent without TLS")
        return self


class EmailChannel(_Channel):
    """Plain-text mail."""

    type: Literal["email"]
    smtp: SmtpSpec
    from_: MailAddress = Field(alias="from", description="The sender.", examples=["reconcile@example.com"])
    to: list[MailAddress] = Field(min_length=1, max_length=50, description="Who gets the mail.")


Notification = Annotated[SlackChannel | WebhookChannel | EmailChannel, Field(discriminator="type")]
