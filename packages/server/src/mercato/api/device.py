"""Login of devices (RFC 8628): where a device gets its codes. The page where a person approves it is
`console/device.py`.
"""

from fastapi import APIRouter, Request, Response

from mercato.edge.devices import PAGE, Devices
from mercato.edge.forms import form_body, read_form
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Wiring
from mercato.identity import DeviceCodeUnknown, DeviceLogins, tell_sign_in
from mercato.platform import Session, one_line
from mercato_contracts.identity import DeviceAuthorizationAnswer, DeviceTokenAnswer

router = APIRouter(tags=["identity"], route_class=TransactionalRoute)

_LONGEST_NAME = 80
_FORM = form_body(
    {
        "client_id": {"type": "string", "description": "What the device is, shown to the person"},
        "scope": {"type": "string", "description": "Ignored: a session may do what its person may"},
    }
)


@router.post("/api/oauth/device_authorization", summary="Begin a device's login (RFC 8628)", openapi_extra=_FORM)
async def begin_device_login(
    request: Request, response: Response, parts: Parts, devices: Devices
) -> DeviceAuthorizationAnswer:
    """The device shows the user code and the address to a person, then asks `POST /api/oauth/token` at the given
    interval. Every request begins another login.
    """
    response.headers["cache-control"] = "no-store"
    form = await read_form(request)
    codes = await devices.begin(_name(form.get("client_id", "")))
    return DeviceAuthorizationAnswer(
        device_code=codes.device_code,
        user_code=codes.user_code,
        verification_uri=f"{parts.client_url}{PAGE}",
        verification_uri_complete=f"{parts.client_url}{PAGE}?user_code={codes.user_code}",
        expires_in=codes.expires_in,
        interval=codes.interval,
    )


async def answer_device_grant(
    form: dict[str, str], session: Session, parts: Wiring, devices: DeviceLogins
) -> DeviceTokenAnswer:
    """The tokens of the device whose code the form holds."""
    if "device_code" not in form:
        raise DeviceCodeUnknown("The form lacks `device_code`.")
    tokens = await devices.collect(form["device_code"])
    await tell_sign_in(session, parts.outbox, parts.tokens, tokens.access_token, parts.clock.now())
    return DeviceTokenAnswer(
        access_token=tokens.access_token,
        expires_in=int((tokens.access_expires_at - parts.clock.now()).total_seconds()),
        refresh_token=tokens.refresh_token,
    )


def _name(text: str) -> str:
    """What a device calls itself, as a person may be shown it."""
    return one_line(text, _LONGEST_NAME) or "a device without a name"
