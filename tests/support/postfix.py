"""A Postfix of our own: stock behaviour, private folders, a free port on loopback."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path

from tests.support.programs import StartError, find_program, free_port

# Mail for this domain lands in a Maildir; mail for any other is taken and thrown away.
LOCAL_DOMAIN = "news.example"
REFUSED = f"refused@{LOCAL_DOMAIN}"
DEFERRED = f"deferred@{LOCAL_DOMAIN}"
_MAIL_USER = "nobody"

_MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = discard
relay_transport = discard
virtual_transport = virtual
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_recipient_restrictions = check_recipient_access inline:{{
  {{ {refused} = 550 5.1.1 No such user here }}
  {{ {deferred} = 450 4.2.0 Come back later }} }}
"""
_MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
tlsmgr    unix - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A context manager; ``settings`` are further lines of main.cf."""

    def __init__(self, settings: str = "") -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="medianote-postfix-"))
        self.folder.chmod(0o755)
        self._settings = settings

    def __enter__(self) -> "Postfix":
        config = self.folder / "config"
        for folder in (config, self.folder / "queue", self.folder / "data", self.folder / "mail"):
            folder.mkdir()
        shutil.chown(self.folder / "data", "postfix")
        user = pwd.getpwnam(_MAIL_USER)
        os.chown(self.folder / "mail", user.pw_uid, user.pw_gid)
        (config / "main.cf").write_text(
            _MAIN_CF.format(
                folder=self.folder,
                domain=LOCAL_DOMAIN,
                uid=user.pw_uid,
                gid=user.pw_gid,
                refused=REFUSED,
                deferred=DEFERRED,
            )
            + self._settings
        )
        (config / "master.cf").write_text(_MASTER_CF.format(port=self.port))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and return when it greets."""
        command = [find_program("postfix"), "-c", str(self.folder / "config"), "start"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        until = time.monotonic() + 20
        while not self._greets():
            if time.monotonic() > until or done.returncode:
                self.stop()
                raise StartError(f"postfix did not start:\n{done.stderr}{self.log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it by its own process id, its children with it."""
        pid_file = self.folder / "queue" / "pid" / "master.pid"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            pid = int(pid_file.read_text())
            os.killpg(pid, signal.SIGTERM)
            until = time.monotonic() + 10
            while time.monotonic() < until:
                os.kill(pid, 0)
                time.sleep(0.02)
            os.killpg(pid, signal.SIGKILL)

    @property
    def log(self) -> str:
        """What it logged."""
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def messages(
        self,
        count: int,
        are_wanted: Callable[[Message], bool] = lambda message: True,
        seconds: float = 30,
    ) -> list[Message]:
        """Wait until so many such messages lie in the local domain's Maildir; return them all."""
        until = time.monotonic() + seconds
        new = self.folder / "mail" / "new"
        while True:
            paths = sorted(new.iterdir()) if new.exists() else []
            read = [message_from_bytes(path.read_bytes(), policy=default) for path in paths]
            found: list[Message] = [message for message in read if are_wanted(message)]
            if len(found) >= count or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False
