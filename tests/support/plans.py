"""What PostgreSQL does for each statement of ours: taken down while it runs, explained after."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from runtime.database import Database

SCANS = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


@dataclass(frozen=True)
class Statement:
    """One statement as the driver was given it."""

    text: str
    parameters: Any


@contextlib.contextmanager
def taken_down(database: Database) -> Iterator[list[Statement]]:
    """The statements that the block's work sends, each text once."""
    found: dict[str, Statement] = {}
    statements: list[Statement] = []

    def take(*arguments: Any) -> None:
        connection, _, text, parameters, *_ = arguments
        if connection.engine.url != database.engine.url:
            return
        given = parameters[0] if isinstance(parameters, list) else parameters
        if text.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            found.setdefault(text, Statement(text, given))

    # Of both its engines.
    event.listen(Engine, "before_cursor_execute", take)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", take)
        statements.extend(found.values())


def read_whole(database: Database, statement: Statement, tables: Sequence[str]) -> list[str]:
    """Which of these tables the statement reads from end to end, and how; nothing when none."""
    return [
        f"{node['Node Type']} on {node.get('Relation Name', node.get('Index Name'))}"
        for node in _nodes(_plan(database, statement))
        if _is_of(node, tables) and _reads_all(node)
    ]


def touched(database: Database, statement: Statement) -> set[str]:
    """The tables that the statement reads or writes."""
    return {
        node["Relation Name"]
        for node in _nodes(_plan(database, statement))
        if "Relation Name" in node
    }


def _plan(database: Database, statement: Statement) -> dict[str, Any]:
    with database.engine.connect() as connection:
        explained = f"EXPLAIN (FORMAT JSON) {statement.text}"
        plan: dict[str, Any] = connection.exec_driver_sql(
            explained, statement.parameters
        ).scalar_one()[0]["Plan"]
        connection.rollback()
        return plan


def _nodes(plan: dict[str, Any], relation: str | None = None) -> Iterator[dict[str, Any]]:
    # A bitmap's index scan stands below the node that names its table.
    own = {"Relation Name": relation, **plan} if relation else plan
    yield own
    below = own.get("Relation Name") if plan["Node Type"].startswith("Bitmap") else None
    for child in plan.get("Plans", ()):
        # The planner's own limit: of min() and max() it reads one row, in an index's order.
        if plan["Node Type"] == "Limit" and plan.get("Parent Relationship") == "InitPlan":
            child["Is Limited"] = True
        yield from _nodes(child, below)


def _is_of(node: dict[str, Any], tables: Sequence[str]) -> bool:
    name: str = node.get("Relation Name", "")
    return name in tables or ("delivery" in tables and name.startswith("delivery_"))


def _reads_all(node: dict[str, Any]) -> bool:
    kind = node["Node Type"]
    is_of_few = "Index Cond" in node or ("Is Limited" in node and "Filter" not in node)
    return kind == "Seq Scan" or (kind in SCANS and not is_of_few)
