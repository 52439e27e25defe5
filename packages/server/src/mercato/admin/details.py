"""Details of an entry at rest: sealed with the keys of the people whom they name, so that an erasure ends them.

The digest of the details is in the sealed core. Who has lost a key can still prove everything but what it opened.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from mercato.admin.news import AuditPruned, SubjectErased
from mercato.admin.subjects import Subject
from mercato.identity import Keyring, is_person, is_sealed, keyring_of
from mercato.platform import Ids, News, Session
from mercato_contracts.audit import details_text

Details = dict[str, Any]


def people_of(news: News, subject: Subject) -> frozenset[str]:
    """The people whom the entry names: who did it, and the person it was done to.

    A completed erasure names nobody. What says that entries were pruned must never be lost.
    """
    if isinstance(news, AuditPruned | SubjectErased):
        return frozenset()
    return frozenset(person for person in (news.by, subject.id) if is_person(person))


def seal_details(details: Details, people: Collection[str], ring: Keyring, ids: Ids) -> Details:
    """The details as they are stored. Those that name no person are stored as they are."""
    return ring.seal(people, details_text(details).encode(), ids) if people else details


def open_details(stored: Details | None, ring: Keyring) -> Details | None:
    """The details; `None` where they were erased."""
    if not is_sealed(stored):
        return stored
    assert stored is not None
    content = ring.open(stored)
    opened = None if content is None else json.loads(content)
    return opened if isinstance(opened, dict) else None


async def open_all(session: Session, stored: Sequence[Details | None]) -> list[Details | None]:
    """The details of many entries, with one question for all keys."""
    ring = await keyring_of(session, stored)
    return [open_details(each, ring) for each in stored]


async def open_texts(session: Session, stored: Sequence[Details | None]) -> list[bytes | None]:
    """The details of many entries as JSON, to be held against their digests; `None` where they were erased.

    What an older release sealed is JSON of another form.
    """
    ring = await keyring_of(session, stored)
    return [_text_of(each, ring) for each in stored]


def _text_of(stored: Details | None, ring: Keyring) -> bytes | None:
    if stored is None:
        return None
    return ring.open(stored) if is_sealed(stored) else details_text(stored).encode()
