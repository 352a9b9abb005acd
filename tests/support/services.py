"""A PostgreSQL cluster and Redis servers that belong to the tests alone."""

import getpass
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from runtime.migrations import migrate
from tests.support.programs import Program, StartError, as_user, find_program, free_port

# PostgreSQL refuses to run as root, so root's cluster belongs to Debian's user for it.
POSTGRESQL_USER = "postgres"


class PostgresqlServer(Program):
    """A cluster on a free loopback port, with a Unix socket in its own folder.

    Unless `is_durable`, nothing is kept safe from a power cut: that is what makes it fast.
    """

    def __init__(self, *, is_durable: bool = False) -> None:
        user = POSTGRESQL_USER if os.geteuid() == 0 else None
        self.folder = _folder_for(user, "medianote-pg-")
        self.port = free_port()
        data = self.folder / "data"
        # Both of one version, should there be several.
        programs = Path(find_program("initdb")).resolve().parent
        initdb = [str(programs / "initdb"), "--no-sync", "--no-instructions", "--auth=trust"]
        initdb += [
            "--username=medianote",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            f"--pgdata={data}",
        ]
        done = subprocess.run(
            [*as_user(user), *initdb], capture_output=True, text=True, cwd="/", check=False
        )
        if done.returncode:
            raise StartError(f"initdb failed:\n{done.stdout}{done.stderr}")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "on" if is_durable else "off",
            "full_page_writes": "on" if is_durable else "off",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "max_connections": 200,
            "shared_buffers": "256MB" if is_durable else "64MB",
            "log_min_messages": "warning",
        }
        if not is_durable:
            # In its folder, which goes: what is in shared memory outlives a cluster that is killed.
            settings["dynamic_shared_memory_type"] = "mmap"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        super().__init__(
            [str(programs / "postgres"), "-D", str(data), *options],
            self.folder / "log",
            self._answers,
            user=user,
        )
        self._numbers = itertools.count(1)
        self._template: str | None = None

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://medianote@127.0.0.1:{self.port}/{database}"

    def create_empty(self) -> str:
        """A new database without any table; returns its name."""
        return self._create("template1")

    def create_migrated(self) -> str:
        """A new database with the newest schema, copied from one migrated once; its name."""
        if self._template is None:
            template = self.create_empty()
            migrate(self.url(template))
            self._template = template
        return self._create(self._template)

    def copy(self, database: str) -> str:
        """A new database like this one, to which nobody is connected; its name."""
        return self._create(database)

    def cut_connections(self, database: str) -> None:
        """End every connection to a database, as a network that fails would."""
        with self._connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (database,),
            )

    def stop_at_once(self) -> None:
        """End it without a checkpoint, as a crash would; `start` recovers from the log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = sql.Identifier(database)
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def close(self) -> None:
        """End the server and remove its files."""
        self.kill()  # nothing here is worth a clean shutdown
        shutil.rmtree(self.folder, ignore_errors=True)

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user="medianote",
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _execute(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


class RedisServer(Program):
    """A Redis without persistence on a free loopback port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="medianote-redis-"))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        # A timeout, so that a server which accepts and never answers is not waited for.
        self._client = redis.Redis.from_url(self.url, socket_timeout=5)
        command = [find_program("redis-server", "valkey-server")]
        command += ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        command += ["--save", "", "--appendonly", "no"]
        super().__init__(command, self.folder / "log", self._answers)

    def clear(self) -> None:
        """Forget everything."""
        self._client.flushall()

    def close(self) -> None:
        """End the server and remove its files."""
        self._client.close()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False


def _folder_for(user: str | None, prefix: str) -> Path:
    """A new temporary folder that this user owns and can reach."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if user is None or _may_enter(user, parent):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            if user is not None:
                shutil.chown(folder, user, user)
            return folder
    raise StartError(f"{user or getpass.getuser()} can reach no folder for temporary files")


def _may_enter(user: str, folder: str) -> bool:
    done = subprocess.run([*as_user(user), "test", "-x", folder], cwd="/", check=False)
    return done.returncode == 0
