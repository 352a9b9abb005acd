"""Facts about this installation, a row each: when a worker last ran, what a relay has shown."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from runtime.database import Base, Moment, database_now, insert


class Fact(Base):
    """A named fact, its value, and when it was last true."""

    __tablename__ = "fact"

    name: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    value: Mapped[Any] = mapped_column(sa.JSON)
    known_at: Mapped[dt.datetime] = mapped_column(Moment())


def read_fact(session: Session, name: str) -> Fact | None:
    """The fact of that name, or None."""
    return session.get(Fact, name)


def remember_fact(session: Session, name: str, value: Any) -> None:
    """Write a fact, as of the database's now; whoever writes last is right."""
    row = {"value": value, "known_at": database_now()}
    session.execute(
        insert(session, Fact)
        .values(name=name, **row)
        .on_conflict_do_update(index_elements=["name"], set_=row)
    )
