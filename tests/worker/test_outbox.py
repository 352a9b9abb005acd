"""What the local outbox promises: mail taken over real SMTP is in the Maildir, whole, once."""

import mailbox
import smtplib
import socket
import stat
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from worker.maildir import Maildir
from worker.outbox import LocalOutbox, Outbox


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox"


@pytest.fixture
def server(folder: Path) -> Iterator[LocalOutbox]:
    with LocalOutbox(folder) as server:
        yield server


def connect(server: LocalOutbox) -> smtplib.SMTP:
    host, _, port = server.url.removeprefix("smtp://").partition(":")
    return smtplib.SMTP(host, int(port), local_hostname="localhost", timeout=20)


def a_mail(subject: str, to: str = "jo@example.com") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "press@example.org", to, subject
    mail.set_content("First line.\n.\n..two dots\nThe rest.\n")
    return mail


def test_a_mail_sent_is_a_mail_filed(server: LocalOutbox, folder: Path) -> None:
    """What a client sends is in the Maildir as sent, with its envelope on top."""
    with connect(server) as client:
        client.send_message(a_mail("Harbour opens"), "bounce@example.org", ["jo@example.com"])
    outbox = Outbox(folder)
    assert outbox.count() == 1
    (line,) = outbox.lines(limit=10)
    assert (line.recipient, line.subject) == ("jo@example.com", "Harbour opens")
    message = outbox.message(line.key)
    assert message is not None
    assert message["Return-Path"] == "<bounce@example.org>"
    assert message.get_content() == "First line.\n.\n..two dots\nThe rest.\n"
    source = outbox.source(line.key)
    assert source is not None
    assert b"\r" not in source


def test_the_extensions_that_it_offers(server: LocalOutbox) -> None:
    """It says that it takes pipelined commands, eight-bit bodies and addresses in UTF-8."""
    with connect(server) as client:
        client.ehlo()
        assert {"pipelining", "8bitmime", "smtputf8", "size"} <= set(client.esmtp_features)


def test_pipelined_transactions(server: LocalOutbox, folder: Path) -> None:
    """Commands sent without waiting for replies are taken in their order, mail after mail."""
    host, _, port = server.url.removeprefix("smtp://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        replies = connection.makefile("rb")
        replies.readline()
        connection.sendall(b"EHLO localhost\r\n")
        while replies.readline()[3:4] == b"-":
            pass
        for number in range(50):
            connection.sendall(
                b"MAIL FROM:<a@example.org> BODY=8BITMIME\r\n"
                b"RCPT TO:<r%d@example.com>\r\nDATA\r\n" % number
            )
            assert [replies.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
            connection.sendall(b"Subject: %d\r\n\r\nvoil\xc3\xa0\r\n.\r\nRSET\r\n" % number)
            assert [replies.readline()[:3] for _ in range(2)] == [b"250", b"250"]
    outbox = Outbox(folder)
    assert [line.subject for line in outbox.lines(limit=100)] == [str(n) for n in range(49, -1, -1)]


def test_addresses_in_any_script(server: LocalOutbox, folder: Path) -> None:
    """A recipient whose address needs SMTPUTF8 gets the mail like anybody else."""
    with connect(server) as client:
        client.sendmail(
            "press@example.org", ["δοκιμή@example.com"], b"Subject: x\n\nx\n", ["SMTPUTF8"]
        )
    assert [line.recipient for line in Outbox(folder).lines(limit=9)] == ["δοκιμή@example.com"]


def test_one_file_for_each_recipient(server: LocalOutbox, folder: Path) -> None:
    """A mail to two mailboxes lies in the outbox twice, as it would in theirs."""
    with connect(server) as client:
        client.send_message(a_mail("x"), "a@example.org", ["jo@example.com", "al@example.com"])
    recipients = {line.recipient for line in Outbox(folder).lines(limit=9)}
    assert recipients == {"jo@example.com", "al@example.com"}


@pytest.mark.unmeasured
def test_thousands_of_mails_over_many_connections(server: LocalOutbox, folder: Path) -> None:
    """Three thousand mails over six connections are three thousand files, none lost or doubled."""

    def send(connection: int) -> None:
        with connect(server) as client:
            for number in range(500):
                text = f"Subject: {connection}-{number}\n\nx\n"
                client.sendmail("a@example.org", [f"r{number}@example.com"], text)

    threads = [threading.Thread(target=send, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox = Outbox(folder)
    assert outbox.count() == 3000
    subjects = [line.subject for line in outbox.lines(limit=5000)]
    assert len(set(subjects)) == 3000
    assert list((folder / "tmp").iterdir()) == []


def test_mail_readers_open_it(server: LocalOutbox, folder: Path) -> None:
    """It is a Maildir like any other: Python's mailbox reads it, and what it moved stays found."""
    with connect(server) as client:
        client.send_message(a_mail("first"), "a@example.org", ["jo@example.com"])
    box = mailbox.Maildir(folder, create=False)
    (name,) = box.keys()
    assert box[name]["Subject"] == "first"
    seen = box[name]
    seen.set_subdir("cur")
    seen.add_flag("S")
    box[name] = seen
    outbox = Outbox(folder)
    (line,) = outbox.lines(limit=9)
    message = outbox.message(line.key)
    assert message is not None
    assert message["Subject"] == "first"


def test_emptying(server: LocalOutbox, folder: Path) -> None:
    """Emptied, it holds nothing, and goes on taking mail."""
    for _ in range(2):
        with connect(server) as client:
            client.send_message(a_mail("x"), "a@example.org", ["jo@example.com"])
        assert Outbox(folder).empty() == 1
    assert Outbox(folder).count() == 0


def test_an_outbox_that_was_never_filled(tmp_path: Path) -> None:
    """Before the first mail there is nothing to read, and no error."""
    outbox = Outbox(tmp_path / "nowhere")
    assert (outbox.count(), outbox.lines(limit=9), outbox.empty()) == (0, [], 0)


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "x", "..", "1.M000001P1Q000000001.a/../b"])
def test_only_keys_are_read(server: LocalOutbox, folder: Path, key: str) -> None:
    """Nothing outside the outbox can be asked for."""
    (folder / "new" / "x").write_bytes(b"not ours")
    assert Outbox(folder).source(key) is None
    assert Outbox(folder).count() == 0


def test_the_folder_is_its_owners(server: LocalOutbox, folder: Path) -> None:
    """Nobody else on the machine reads the mail."""
    for part in ("new", "cur", "tmp"):
        assert stat.S_IMODE((folder / part).stat().st_mode) == 0o700


def test_a_full_disk_defers_the_mail(server: LocalOutbox, folder: Path) -> None:
    """What cannot be kept is refused for now, and nothing half-written is found."""
    (folder / "tmp").rmdir()
    (folder / "tmp").write_text("no folder any more")
    with connect(server) as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.send_message(a_mail("x"), "a@example.org", ["jo@example.com"])
    assert refused.value.smtp_code == 452
    assert Outbox(folder).count() == 0


def test_stopping_and_starting_again(folder: Path) -> None:
    """Stopped it lets go of its port and its clients; started again it goes on filing."""
    server = LocalOutbox(folder)
    with pytest.raises(RuntimeError):
        _ = server.url
    for _ in range(2):
        server.start()
        server.start()
        idle = connect(server)
        with connect(server) as client:
            client.send_message(a_mail("x"), "a@example.org", ["jo@example.com"])
        port = int(server.url.rpartition(":")[2])
        server.stop()
        server.stop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            idle.noop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    assert Outbox(folder).count() == 2


def test_newer_mails_come_first(tmp_path: Path) -> None:
    """Keys of one process are in the order of filing, however fast they come."""
    maildir = Maildir(tmp_path)
    maildir.make()
    filed = [maildir.deliver(b"x") for _ in range(300)]
    assert maildir.keys() == filed[::-1]
