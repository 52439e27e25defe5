"""Identity's questions to the database about everybody who can act, whatever their organisation."""

from collections.abc import Collection

from sqlalchemy import CollectionAggregate, Text, any_, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from mercato.identity.models import DeploymentToken, Key, Organisation, User
from mercato.identity.scim_models import ScimToken
from mercato.identity.service_account_models import ServiceAccount
from mercato.platform import Session


class ActorRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def users(self, ids: Collection[str]) -> list[tuple[str, str, str]]:
        """Id, name and organisation of each."""
        return await self._rows(select(User.id, User.name, User.organisation_id).where(User.id == _any_of(ids)))

    async def keys(self, ids: Collection[str]) -> list[tuple[str, str, str]]:
        """Id, name and organisation of each key; that of a service account has the account's name before its own. A
        deployment's token is named for the deployment, and the token of an identity provider counts too.
        """
        named = func.coalesce(ServiceAccount.name + " · ", "") + Key.name
        own = select(Key.id, named, Key.organisation_id).outerjoin(
            ServiceAccount, ServiceAccount.id == Key.service_account_id
        )
        tokens = select(DeploymentToken.id, DeploymentToken.deployment_id, DeploymentToken.organisation_id)
        providers = select(ScimToken.id, ScimToken.name, ScimToken.organisation_id)
        return await self._rows(
            union_all(
                own.where(Key.id == _any_of(ids)),
                tokens.where(DeploymentToken.id == _any_of(ids)),
                providers.where(ScimToken.id == _any_of(ids)),
            )
        )

    async def service_accounts(self, ids: Collection[str]) -> list[tuple[str, str, str]]:
        """Id, name and organisation of each."""
        query = select(ServiceAccount.id, ServiceAccount.name, ServiceAccount.organisation_id)
        return await self._rows(query.where(ServiceAccount.id == _any_of(ids)))

    async def organisations(self, ids: Collection[str]) -> list[tuple[str, str, str]]:
        """Id, short name and the id again."""
        query = select(Organisation.id, Organisation.slug, Organisation.id)
        return await self._rows(query.where(Organisation.id == _any_of(ids)))

    async def operator_ids(self) -> set[str]:
        """The operator's organisation."""
        return set(await self._session.scalars(select(Organisation.id).where(Organisation.is_operator)))

    async def _rows(self, query: object) -> list[tuple[str, str, str]]:
        return [(row[0], row[1], row[2]) for row in await self._session.execute(query)]  # type: ignore[call-overload]


def _any_of(ids: Collection[str]) -> CollectionAggregate[bool]:
    """One parameter however many ids: the statement's text is always the same."""
    return any_(literal(list(ids), ARRAY(Text)))
