"""What keys are held to: services by their names, networks in their usual spelling, and requests from elsewhere."""

from ipaddress import ip_network

from starlette.requests import HTTPConnection

from mercato.edge.wiring import Wiring
from mercato.identity import Caller, KeyHeldElsewhere, KeyHold
from mercato.platform import Malformed, Session
from mercato.publishing import Catalogue, ServiceNotFound
from mercato_contracts.client_address import is_in, read_networks
from mercato_contracts.identity import KeyHoldRequest


async def read_hold(session: Session, body: KeyHoldRequest, viewer: str) -> KeyHold:
    """The ids of the services, of those that the organisation `viewer` may see, and the networks.

    Raises `ServiceNotFound`, `Malformed`.
    """
    catalogue, services = Catalogue(session, viewer), []
    for name in dict.fromkeys(body.services):
        found = await catalogue.find_service(*name.split("/", 1))
        if found is None:
            raise ServiceNotFound(f"There is no service {name}.", service=name)
        services.append(found.id)
    return KeyHold(tuple(services), tuple(dict.fromkeys(_network(each) for each in body.addresses)))


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise Malformed(f"`{text}` is no address and no network, such as 203.0.113.7 or 203.0.113.0/24.") from None


async def authenticated(connection: HTTPConnection, wiring: Wiring, session: Session, credential: str) -> Caller:
    """Who shows the credential, from a place where it is taken. Raises `NotSignedIn`, `KeyHeldElsewhere`."""
    caller = await wiring.authentication(session).authenticate(credential)
    require_place(connection, caller.addresses)
    return caller


def require_place(connection: HTTPConnection, addresses: tuple[str, ...]) -> None:
    """Raises `KeyHeldElsewhere` where the request comes from none of these networks; empty: from anywhere."""
    if not addresses:
        return
    host = connection.client.host if connection.client else ""
    is_known = getattr(connection.state, "is_origin_certain", False)
    if not is_known or not is_in(host, read_networks(",".join(addresses))):
        raise KeyHeldElsewhere(f"This key may not be used from {host if is_known else 'an unknown address'}.")
