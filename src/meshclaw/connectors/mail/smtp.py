"""Sending one mail by SMTP, so that everybody knows afterwards whether it went out.

Before the final dot every error is definite: nothing was sent. After it only two answers are: 2yz, and
55z, a refusal of this mail (RFC 5321 §4.2.5). A lost connection is ambiguous, and so is the rest: relays
answer 421, 451 and 500 when they stumbled after the next server had already delivered.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Literal, NamedTuple

import msgspec

from meshclaw.errors import NotReachable, Refused, SignInNeeded, Uncertain, UserError
from meshclaw.settings.loopback import is_loopback

Tls = Literal["implicit", "starttls", "none"]
"""``none`` is for servers on this machine only."""

_BCC = re.compile(rb"(?im)^(?:resent-)?bcc[ \t]*:[^\n]*\n?(?:[ \t][^\n]*\n?)*")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]+@[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]+")


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The server took the mail for ``accepted``; ``refused`` holds each other recipient with the reason."""

    accepted: tuple[str, ...]
    refused: dict[str, str]
    answer: str
    """What the server said at the end, usually with its queue id."""


class Envelope(NamedTuple):
    sender: str
    recipients: tuple[str, ...]
    journal: str

    @property
    def everybody(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.recipients, self.journal)))


def send(
    raw: bytes,
    sender: str,
    recipients: Sequence[str],
    *,
    journal: str,
    host: str,
    port: int,
    user: str,
    secret: Callable[[], str] | None,
    tls: Tls,
    timeout_s: float = 60.0,
) -> Sent:
    """Send ``raw`` (its Message-ID is the caller's to fix) to ``recipients`` and, as a copy, to ``journal``.

    The journal is the person's own address: its copy is the proof to look for after ``Uncertain``.
    SignInNeeded, NotReachable, Refused, UserError: nothing was sent. Uncertain: perhaps it was.
    """
    envelope = Envelope(sender, tuple(dict.fromkeys(recipients)), journal)
    _check(envelope, host, tls)
    with _server(host, port, tls, timeout_s) as smtp:
        _sign_in(smtp, host, user, secret)
        accepted, refused = _address(smtp, host, raw, envelope)
        _hand_over(smtp, host, raw)
        answer = _final_dot(smtp, host)
    return Sent(accepted=accepted, refused=refused, answer=answer)


def without_bcc(raw: bytes) -> bytes:
    """Recipients of a blind copy are in the envelope alone."""
    lines = re.sub(rb"\r\n|\n|\r", b"\n", raw)
    head, blank, body = lines.partition(b"\n\n")
    return _BCC.sub(b"", head + blank[:1]) + blank[1:] + body


def _check(envelope: Envelope, host: str, tls: Tls) -> None:
    if not envelope.recipients:
        raise UserError("the mail has no recipient", fix="Name at least one.")
    for address in (envelope.sender, *envelope.everybody):
        if not _ADDRESS.fullmatch(address):
            raise UserError(f"{address!r} is not a mail address", fix="Write it as name@example.org, alone.")
    if tls == "none" and not is_loopback(host):
        raise UserError(
            f"mail to {host!r} would leave unencrypted; that is for servers on this machine only",
            fix="Use implicit TLS (port 465) or STARTTLS (port 587).",
        )


@contextmanager
def _server(host: str, port: int, tls: Tls, timeout_s: float) -> Generator[smtplib.SMTP, None, None]:
    smtp = _connected(host, port, tls, timeout_s)
    try:
        yield smtp
        # The mail is on its way by now; how the goodbye goes changes nothing.
        with suppress(OSError):
            smtp.quit()
    finally:
        smtp.close()


def _connected(host: str, port: int, tls: Tls, timeout_s: float) -> smtplib.SMTP:
    context = ssl.create_default_context()
    with _definite(host):
        if tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=context)
        else:
            smtp = smtplib.SMTP(host, port, timeout=timeout_s)
        try:
            smtp.ehlo_or_helo_if_needed()
            if tls == "starttls":
                smtp.starttls(context=context)
                smtp.ehlo()
        except BaseException:
            smtp.close()
            raise
    return smtp


def _sign_in(smtp: smtplib.SMTP, host: str, user: str, secret: Callable[[], str] | None) -> None:
    if secret is None:
        return
    try:
        with _definite(host):
            smtp.login(user, secret())
    except UnicodeEncodeError:
        # smtplib sends passwords as ASCII; the error itself would carry the password along.
        raise SignInNeeded(
            f"the password of {user!r} has characters that cannot be sent to {host}",
            fix="Ask the mail provider for an app password.",
        ) from None


def _address(
    smtp: smtplib.SMTP, host: str, raw: bytes, envelope: Envelope
) -> tuple[tuple[str, ...], dict[str, str]]:
    """MAIL and RCPT. Without a journal copy or without anybody to send to, nothing is sent."""
    refused: dict[str, str] = {}
    with _definite(host):
        _expect(host, smtp.mail(envelope.sender, _options(smtp, host, raw, envelope)), "the sender")
        for address in envelope.everybody:
            code, text = smtp.rcpt(address)
            if code == 421:
                raise smtplib.SMTPServerDisconnected(_text(text))
            if code not in {250, 251}:
                refused[address] = f"{code} {_text(text)}"
    accepted = tuple(address for address in envelope.recipients if address not in refused)
    if envelope.journal in refused or not accepted:
        named = "; ".join(f"{address} ({reason})" for address, reason in refused.items())
        raise Refused(
            f"{host} does not take mail for {named}; nothing was sent", fix="Check these addresses."
        )
    return accepted, refused


def _options(smtp: smtplib.SMTP, host: str, raw: bytes, envelope: Envelope) -> list[str]:
    options = ["BODY=8BITMIME"] if not raw.isascii() and smtp.has_extn("8bitmime") else []
    if not all(map(str.isascii, (envelope.sender, *envelope.everybody))):
        if not smtp.has_extn("smtputf8"):
            raise Refused(
                f"{host} takes only ASCII addresses; nothing was sent",
                fix="Send through a server with SMTPUTF8, or use another address.",
            )
        smtp.command_encoding = "utf-8"
        options.append("SMTPUTF8")
    return options


def _hand_over(smtp: smtplib.SMTP, host: str, raw: bytes) -> None:
    """DATA and the mail, but not yet the dot that commits it."""
    lines = re.sub(rb"(?m)^\.", b"..", without_bcc(raw).rstrip(b"\n") + b"\n")
    with _definite(host):
        _expect(host, smtp.docmd("DATA"), "the mail", 354)
        smtp.send(lines.replace(b"\n", b"\r\n"))


def _final_dot(smtp: smtplib.SMTP, host: str) -> str:
    try:
        smtp.send(b".\r\n")
        code, text = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise _uncertain(host, f"the connection was lost ({error})") from None
    answer = f"{code} {_text(text)}"
    if 200 <= code < 300:
        return answer
    if 550 <= code <= 559:
        raise Refused(f"{host} refused the mail: {answer}; nothing was sent", fix="Change the mail.")
    raise _uncertain(host, f"the answer was {answer}")


def _uncertain(host: str, why: str) -> Uncertain:
    return Uncertain(
        f"{host} may have sent the mail: {why} after the mail was handed over",
        fix="Look for the copy in your own mailbox before you send it again.",
    )


@contextmanager
def _definite(host: str) -> Generator[None, None, None]:
    """Everything before the final dot: whatever goes wrong, nothing was sent."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise NotReachable(
            f"the certificate of {host} is not valid: {error.verify_message}; nothing was sent",
            fix="Tell whoever runs the server; no unencrypted connection is tried.",
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        # Without the server's text: some servers repeat what was sent.
        raise SignInNeeded(
            f"{host} refused the password (code {error.smtp_code}); nothing was sent",
            fix="Store the right password, or an app password where the provider wants one.",
        ) from None
    except smtplib.SMTPNotSupportedError as error:
        raise Refused(
            f"{host}: {error} Nothing was sent", fix="Check port and TLS in the settings."
        ) from None
    except (socket.gaierror, TimeoutError, OSError) as error:
        # smtplib's own exceptions are OSErrors too.
        raise NotReachable(
            f"{host} cannot be reached ({error}); nothing was sent", fix="Try again later."
        ) from None


def _expect(host: str, reply: tuple[int, bytes], what: str, wanted: int = 250) -> None:
    code, text = reply
    if code == 421:
        raise smtplib.SMTPServerDisconnected(_text(text))
    if code != wanted:
        raise Refused(
            f"{host} refused {what}: {code} {_text(text)}; nothing was sent",
            fix="Check the mail and its sender.",
        )


def _text(reply: bytes) -> str:
    """One printable line of what the server said."""
    line = " ".join(reply.decode("utf-8", "replace").split())
    return "".join(character for character in line if character.isprintable())[:300]
