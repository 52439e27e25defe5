"""What the JSON half and the pages of single sign-on share: an answer of a provider, checked before the transaction."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import Begun, Claims, SingleSignOn, SsoAnswer, SsoProviders, SsoTaken
from mercato.platform import Session


@dataclass(frozen=True, slots=True)
class Proven:
    """An answer that the provider vouched for: which sign-in it ends, and who signed in."""

    taken: SsoTaken
    claims: Claims


def sso_in(session: Session, parts: Wiring) -> SingleSignOn:
    """Sign-ins through identity providers within a transaction."""
    return SingleSignOn(session, parts.clock, parts.ids, parts.outbox, parts.sso_secrets, parts.client_url)


def _sign_on(session: Transaction, parts: Parts) -> SingleSignOn:
    return sso_in(session, parts)


def _providers(session: Transaction, parts: Parts) -> SsoProviders:
    return SsoProviders(session, parts.clock, parts.ids, parts.outbox, parts.sso_secrets)


SignOnDesk = Annotated[SingleSignOn, Depends(_sign_on)]
ProviderDesk = Annotated[SsoProviders, Depends(_providers)]


async def prove_answer(answer: SsoAnswer, parts: Wiring) -> Proven:
    """Take the sign-in that is answered, then ask the provider who signed in, while no transaction is open.

    Raises `SsoSignInUnknown`, `SsoDenied`, `SsoTokenRefused`, `ProviderFailed`, `IssuerRefused`.
    """
    async with parts.database.transaction() as session:
        taken = await sso_in(session, parts).take(answer)
    if taken.denied is not None:
        raise taken.denied
    claims = await parts.open_id.exchange(taken.party, taken.answer, groups_claim=taken.groups_claim)
    return Proven(taken, claims)


async def address_of(begun: Begun, parts: Wiring) -> str:
    """Where the person signs in. Raises `ProviderFailed`, `IssuerRefused`."""
    return await parts.open_id.authorization_url(
        begun.party,
        state=begun.state,
        nonce=begun.nonce,
        verifier=begun.verifier,
        is_proof=begun.purpose == "proof",
    )
