"""A throwaway Dovecot 2.3 on free loopback ports: IMAP plain and TLS, LMTP, quota and a read-only folder."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import imapclient
import pytest
import trustme

PASSWORD = "correct horse ümlaut"  # not ASCII on purpose
MAIL_UID = 1999
_CONF = """
base_dir = {top}/run
state_dir = {top}/state
instance_name = {top.name}
log_path = {top}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{top}/server.pem
ssl_key = <{top}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_plugins = quota acl
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {top}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {top}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  process_min_avail = 1
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol imap {{
  mail_plugins = $mail_plugins imap_quota imap_acl
  mail_max_userip_connections = 50
  imap_idle_notify_interval = 30 secs
}}
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
  postmaster_address = postmaster@mesh.test
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=1G
  acl = vfile:{top}/acls
  sieve = file:~/filter.sieve
}}
"""


class Dovecot:
    def __init__(self, *, expired: bool = False) -> None:
        # Not below pytest's own directory: that is closed to Dovecot's unprivileged users.
        self.top = Path(tempfile.mkdtemp(prefix="claw", dir="/tmp"))
        self.top.chmod(0o755)
        self.plain, self.tls, self.lmtp = free_ports(3)
        self.ca = self._write_certificates(expired=expired)
        (self.top / "mail").mkdir()
        os.chown(self.top / "mail", MAIL_UID, MAIL_UID)
        self._people = self._write_people()
        (self.top / "acls").write_text("Locked owner lr\n")
        conf = self.top / "dovecot.conf"
        conf.write_text(_CONF.format(top=self.top, plain=self.plain, tls=self.tls, lmtp=self.lmtp))
        self._process = subprocess.Popen(
            ["dovecot", "-F", "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_until(lambda: all(map(answers, (self.plain, self.tls, self.lmtp))), "Dovecot answers")

    def person(self, *, quota: str = "1G") -> str:
        """A user nobody has used yet, with an empty mailbox; its name is its address."""
        return self._people[quota].pop()

    def _write_people(self) -> dict[str, list[str]]:
        """All at the start: Dovecot reads the file again only when a whole second has passed."""
        people = {
            quota: [f"p{secrets.token_hex(4)}@mesh.test" for _ in range(400)] for quota in ("1G", "10K")
        }
        lines = [
            f"{name}:{{PLAIN}}{PASSWORD}:{MAIL_UID}:{MAIL_UID}::{self.top}/mail/{name}::"
            f"userdb_quota_rule=*:storage={quota}\n"
            for quota, names in people.items()
            for name in names
        ]
        (self.top / "users").write_text("".join(lines))
        return people

    def address(self, person: str, *, tls: bool = False) -> str:
        scheme, port = ("imaps", self.tls) if tls else ("imap", self.plain)
        return f"{scheme}://{person}@127.0.0.1:{port}"

    def maildir(self, person: str) -> Path:
        return self.top / "mail" / person / "Maildir"

    def client(self, person: str) -> imapclient.IMAPClient:
        """Somebody else's mail program; close it with ``with``."""
        client = imapclient.IMAPClient("127.0.0.1", self.plain, ssl=False, timeout=10)
        client.plain_login(person, PASSWORD)
        return client

    def filter(self, person: str, script: str) -> None:
        """A Sieve script (RFC 5228) for everything that is delivered to ``person`` from now on."""
        home = self.top / "mail" / person
        home.mkdir(exist_ok=True)
        (home / "filter.sieve").write_text(script)
        for path in (home, home / "filter.sieve"):
            os.chown(path, MAIL_UID, MAIL_UID)

    def deliver(self, person: str, raw: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", self.lmtp) as lmtp:
            lmtp.sendmail("sender@mesh.test", [person], raw)

    def stop(self) -> None:
        self._process.terminate()
        _, errors = self._process.communicate(timeout=10)
        shutil.rmtree(self.top, ignore_errors=True)
        assert not errors, errors.decode()

    def _write_certificates(self, *, expired: bool) -> Path:
        authority = trustme.CA()
        past = dt.datetime(2024, 2, 29, tzinfo=dt.UTC)
        server = (
            authority.issue_cert("127.0.0.1", not_after=past)
            if expired
            else authority.issue_cert("127.0.0.1")
        )
        server.private_key_pem.write_to_path(self.top / "server.key")
        (self.top / "server.pem").write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        authority.cert_pem.write_to_path(self.top / "ca.pem")
        return self.top / "ca.pem"


# Tests import these functions; the names differ so that an argument never hides its import.
@pytest.fixture(scope="module", name="dovecot")
def running_dovecot() -> Iterator[Dovecot]:
    yield from _running()


@pytest.fixture(scope="module", name="expired_dovecot")
def running_expired_dovecot() -> Iterator[Dovecot]:
    yield from _running(expired=True)


def _running(*, expired: bool = False) -> Iterator[Dovecot]:
    if not shutil.which("dovecot"):
        pytest.skip("needs Dovecot 2.3 (apt install dovecot-imapd dovecot-lmtpd)")
    if os.geteuid() != 0:
        pytest.skip("Dovecot can only be started by root")
    server = Dovecot(expired=expired)
    try:
        yield server
    finally:
        server.stop()


def free_ports(count: int) -> list[int]:
    """All held at once, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(true: Callable[[], object], what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"gave up waiting until {what}"
        time.sleep(0.01)
