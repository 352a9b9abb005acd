"""A JSON array of objects, given as one parameter, as rows of a statement."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB


def json_rows(
    name: str, columns: Mapping[str, sa.types.TypeEngine[Any]], *, is_postgresql: bool
) -> sa.FromClause:
    """The parameter `name` as a table of these columns, which are the keys of its objects."""
    if is_postgresql:
        return (
            sa.func.jsonb_to_recordset(sa.bindparam(name, type_=JSONB))
            .table_valued(*(sa.column(column, kind) for column, kind in columns.items()))
            .render_derived(name=f"{name}_given", with_types=True)
        )
    each = sa.func.json_each(sa.bindparam(name, type_=sa.JSON)).table_valued(
        "value", name=f"{name}_each"
    )
    return sa.select(
        *(
            sa.func.json_extract(each.c.value, f"$.{column}", type_=kind).label(column)
            for column, kind in columns.items()
        )
    ).subquery(f"{name}_given")
