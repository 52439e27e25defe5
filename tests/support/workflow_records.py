"""What the engine of durable workflows has in its records."""

import psycopg


def recorded_steps(database_url: str, workflow: str) -> list[str]:
    """The calls of steps that were recorded of this workflow, `NAME:SUBJECT`, in their order.

    A workflow that is under way resumes after an upgrade if it makes the same calls, so a test pins these names.
    """
    with psycopg.connect(database_url.replace("postgresql+psycopg://", "postgresql://")) as connection:
        rows = connection.execute(
            "SELECT function_name FROM dbos.operation_outputs"
            " WHERE workflow_uuid = %s AND function_name NOT LIKE 'DBOS.%%' ORDER BY function_id",
            [workflow],
        )
        return [row[0] for row in rows]
