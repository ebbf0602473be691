"""Plain-text mail, handed to a server over SMTP."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from reconciler import errors
from reconciler.connectors.notify.base import SECONDS
from reconciler.connectors.secret import Secret
from reconciler.model.notice import Notice
from reconciler.model.resources import Email, Tls

FOOT = "-- \nSent by reconcile because of spec.notifications in the project file."

_HINT = "look at `smtp` of the channel in the project file"


class MailSender:
    """One mail for all recipients of a channel."""

    def __init__(self, channel: Email, password: Secret | None) -> None:
        self._channel = channel
        self._password = password

    def send(self, notice: Notice, key: str, at: datetime) -> str:
        problem: errors.RemoteError | None = None
        refused: Mapping[str, object] = {}
        try:
            refused = self._handed_over(compose(self._channel, notice, key, at))
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            problem = _problem(self._channel.host, error)
        if problem is not None:
            # Outside of the handler: a foreign error that came along would hold the password in its frames.
            raise problem
        # The others have it: sending it again would only send it to them twice.
        return f"refused for {', '.join(sorted(refused))}" if refused else ""

    def _handed_over(self, message: EmailMessage) -> Mapping[str, object]:
        """The recipients that were refused, when others were not."""
        with self._connected() as server:
            if self._password is not None and self._channel.username is not None:
                server.login(self._channel.username, self._password.reveal())
            return server.send_message(message)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        at, name = self._channel, socket.gethostname() or "localhost"
        if at.tls is Tls.TLS:
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(at.host, at.port, name, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(at.host, at.port, name, timeout=SECONDS)
        try:
            if at.tls is Tls.STARTTLS:
                server.starttls(context=ssl.create_default_context())
            yield server
        finally:
            # Whether the mail was taken is known by now; a server that is rude at the end changes nothing about it.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()


def compose(channel: Email, notice: Notice, key: str, at: datetime) -> EmailMessage:
    """The mail. No text of the notice can become a header of its own: the subject is one line, whatever it held."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = " ".join(notice.title.split())
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.recipients)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{key}@{channel.sender.rpartition('@')[2]}>"
    # Machines that answer mails (RFC 3834) leave those alone that say so.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join([notice.title, "", *notice.lines, "", FOOT, ""]))
    return message


def _problem(host: str, error: Exception) -> errors.RemoteError:
    """What went wrong in our words: those of the server are not for logs."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return errors.AuthenticationFailed(f"{host} refused the login (SMTP {error.smtp_code})", hint=_HINT)
        case UnicodeError():
            return errors.AuthenticationFailed("the password has letters outside ASCII", hint=_HINT)
        case ssl.SSLCertVerificationError():
            return errors.AddressRefused(
                f"the TLS certificate of {host} cannot be trusted: {error.verify_message}",
                hint="a certificate authority of your own can be named with SSL_CERT_FILE",
            )
    refused = _refusal(error)
    if refused:
        return errors.RemoteRefused(f"{host} {refused}", hint=_HINT)
    # smtplib makes something of its own of a timeout while it waits for an answer.
    silent = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    text = "does not answer" if silent else "did not take the mail: the connection failed"
    return errors.RemoteUnavailable(f"{host} {text}", hint=_HINT, outcome_unknown=True)


def _refusal(error: Exception) -> str | None:
    """What the server said no to, with the codes of its answer."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = sorted({str(code) for code, _ in error.recipients.values()})
            return f"refused every recipient (SMTP {', '.join(codes)})"
        case smtplib.SMTPResponseException():
            return f"refused the mail (SMTP {error.smtp_code})"
        case smtplib.SMTPNotSupportedError():
            return "does not offer what `smtp` asks for (TLS or a login)"
    return None
