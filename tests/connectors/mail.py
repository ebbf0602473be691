"""A real mail server on loopback that keeps what it is given, with TLS, logins and refusals as a test wants them."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "ops", "s3cret-of-the-mail-server"


@dataclass(slots=True)
class Post:
    """What the server was given. `refuses` are recipients, `answer` is what it says to a mail."""

    refuses: frozenset[str] = frozenset()
    answer: str = "250 taken"
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuses:
            return "550 no such user here, said with many words"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, EmailMessage, policy=POLICY))
            self.recipients.append(list(envelope.rcpt_tos))
        return self.answer

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(f"{data.login.decode()} {mechanism}")
        good = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=good, handled=False)


class _Controller(Controller):
    def __init__(self, post: Post, *, context: ssl.SSLContext | None, implicit: bool, login: bool) -> None:
        self._options: dict[str, Any] = {"hostname": "mail.test", "timeout": 10}
        if context is not None and not implicit:
            self._options |= {"tls_context": context, "require_starttls": True}
        if login:
            self._options |= {"authenticator": post.authenticate, "auth_required": True}
            self._options |= {"auth_require_tls": not implicit}
        super().__init__(post, hostname="127.0.0.1", port=0, ssl_context=context if implicit else None)

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self._options)

    def _trigger_server(self) -> None:
        """Knocks at the port that was taken; the base class knows the one that it was told, which is 0."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextlib.contextmanager
def mail_server(
    post: Post, certificate: tuple[Path, Path] | None = None, *, implicit: bool = False, login: bool = False
) -> Iterator[Post]:
    """A server at `post.port`. With a certificate it asks for STARTTLS, or speaks nothing but TLS when `implicit`."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    controller = _Controller(post, context=context, implicit=implicit, login=login)
    controller.start()
    try:
        post.port = controller.port
        yield post
    finally:
        controller.stop()
