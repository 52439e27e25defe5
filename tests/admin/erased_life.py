"""A person who left their name everywhere, and a look for what is left of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Boolean, Date, DateTime, Integer, LargeBinary, Numeric, Table, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from mercato.edge.wiring import Wiring
from mercato.identity import Caller
from mercato.platform import ColumnKind, Described, Erased, Letter, Session, described_tables
from mercato.signals import KillSwitches
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import PASSWORD, Headers, sign_in

MAIL, NAME = "ada.lovelace@example.org", 'Ada "Countess" O\'Lovelace'
WORDS = f"Ask {NAME} <{MAIL.upper()}>, she knows."
LEFT = "Ask [erased] <[erased]>, she knows."


async def add(api: httpx.AsyncClient, who: Headers, email: str = MAIL, name: str = NAME, role: str = "admin") -> str:
    body = {"email": email, "name": name, "password": PASSWORD, "role": role}
    answer = await api.post("/api/users", json=body, headers=who)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def live(api: httpx.AsyncClient, acme: Headers, ledger: Ledger, operator: Caller) -> str:
    """Ada works at acme, and what she does and what is said of her is in every table that can hold it."""
    ada = await add(api, acme)
    hers = await sign_in(api, MAIL)
    for path, body in (
        ("keys", {"kind": "ck", "name": f"laptop of {NAME}"}),
        ("users/current/second-factors", {"name": f"phone of {NAME}"}),
        ("webhooks", {"url": "http://127.0.0.1:8080/hook", "description": WORDS}),
    ):
        answer = await api.post(f"/api/{path}", json=body, headers=hers)
        assert answer.status_code in {201, 404}, answer.text
    await api.post("/api/password-resets", json={"email": MAIL})
    await _threw_a_switch(ledger.wiring, replace(operator, actor=ada))
    async with ledger.database.transaction() as session:
        for table, note in described_tables():
            if note.columns_that(Erased.MASKED):
                await _fill(session, table, note, ada)
    await ledger.record()
    await ledger.seal()
    await ledger.wiring.mail.send(Letter("ltr_1", MAIL, "Set a new password", f"For {MAIL}."))
    await ledger.wiring.mail.send(Letter("ltr_2", "vera@example.org", "Set a new password", "For vera."))
    return ada


async def _threw_a_switch(wiring: Wiring, caller: Caller) -> None:
    async with wiring.database.transaction() as session:
        switches = KillSwitches(session, wiring.clock, wiring.ids, wiring.outbox)
        await switches.throw(caller, "all", "*", WORDS)


async def _fill(session: Session, table: Table, note: Described, ada: str) -> None:
    """A row whose words name Ada, by whoever owns the database: no key and no rule of the table is asked."""
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    rules = await session.execute(
        text("SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(:name) AND contype = 'c'"),
        {"name": table.name},
    )
    for (rule,) in rules.all():
        await session.execute(text(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "{rule}"'))
    masked = note.columns_that(Erased.MASKED)
    people = note.columns_of(ColumnKind.PERSON)
    wanted = {*masked, *people, "lifted_at"}
    words = dict.fromkeys(masked, WORDS) | dict.fromkeys(people, ada)
    values = {
        column.name: _value(column, words.get(column.name, f"filled {column.name}"))
        for column in table.columns
        if column.identity is None and (not column.nullable or column.name in wanted)
    }
    await session.execute(table.insert().values(values))
    await session.execute(text("SET LOCAL session_replication_role = origin"))


def _value(column: Any, words: str) -> Any:
    kind = column.type
    if isinstance(kind, JSONB):
        return {"words": words, "more": [{"deep": words}]}
    if isinstance(kind, ARRAY):
        return []
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer | Numeric):
        return 987_654
    if isinstance(kind, DateTime | Date):
        return text("now()")
    if isinstance(kind, LargeBinary):
        return b""
    return text("gen_random_uuid()") if isinstance(kind, Uuid) else words


async def find_in_tables(session: Session, *wanted: str) -> list[str]:
    """Every column of every table of every schema that has one of these texts, whatever its type."""
    found = []
    columns = await session.execute(
        text(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
    )
    for schema, table, column, kind in columns.all():
        shown = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
        for each in wanted:
            where = f"position(lower(:wanted) in lower({shown})) > 0"
            query = text(f'SELECT count(*) FROM "{schema}"."{table}" WHERE {where}')
            if await session.scalar(query, {"wanted": each}):
                found.append(f"{table}.{column}: {each}")
    return found


def find_in_files(folder: Path, *wanted: str) -> list[str]:
    """Every file under the folder that has one of these texts."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(each.lower().encode() in path.read_bytes().lower() for each in wanted)
    ]
