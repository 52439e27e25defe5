"""SCIM 2.0 at `/scim/v2`: an organisation's identity provider keeps its people and groups (RFC 7643, RFC 7644).

The protocol describes itself (`/ServiceProviderConfig`, `/Schemas`, `/ResourceTypes`), so it is not in the OpenAPI
document; `docs/provisioning.md` says what it does. Reading and checking is `scim2-models`', which knows the protocol.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from scim2_models import (
    Context,
    ListResponse,
    PatchOp,
    Resource,
    ResourceType,
    ResponseParameters,
    Schema,
    SearchRequest,
)

from mercato.api.scim_resources import (
    LONGEST_PAGE,
    PROVIDER,
    Group,
    User,
    completed,
    config,
    facts_of_group,
    facts_of_user,
    group_of,
    resource_types,
    schemas,
    user_of,
)
from mercato.edge.caller import SignedIn
from mercato.edge.scim import ScimRoute, answered, read_body, reading
from mercato.edge.scim_errors import BASE
from mercato.edge.wiring import Parts, Transaction, Wiring
from mercato.identity import ScimGroups, ScimMalformed, ScimNotOffered, ScimPeople, Window, check_size
from mercato.platform import NotFound

router = APIRouter(prefix=BASE, route_class=ScimRoute, include_in_schema=False)
_SOME = TypeVar("_SOME", User, Group)
_MOST_OPERATIONS = 1_000


def _people_of(session: Transaction, parts: Parts) -> ScimPeople:
    return ScimPeople(session, parts.clock, parts.ids, parts.outbox)


def _groups_of(session: Transaction, parts: Parts) -> ScimGroups:
    return ScimGroups(session, parts.clock, parts.ids, parts.outbox)


def _base_of(parts: Parts) -> str:
    return _base(parts)


def _base(parts: Wiring) -> str:
    return f"{parts.client_url}{BASE}"


PeopleDesk = Annotated[ScimPeople, Depends(_people_of)]
GroupDesk = Annotated[ScimGroups, Depends(_groups_of)]
Base = Annotated[str, Depends(_base_of)]


@router.get("/ServiceProviderConfig")
async def show_config(caller: SignedIn, base: Base) -> Response:
    """What of SCIM is offered."""
    return _show(config(base))


@router.get("/ResourceTypes")
async def list_resource_types(caller: SignedIn, base: Base, request: Request) -> Response:
    """People and groups."""
    return _described(ResourceType, resource_types(base), request)


@router.get("/ResourceTypes/{name}")
async def show_resource_type(name: str, caller: SignedIn, base: Base) -> Response:
    """One of them."""
    return _one(resource_types(base), "name", name)


@router.get("/Schemas")
async def list_schemas(caller: SignedIn, base: Base, request: Request) -> Response:
    """The attributes that are kept."""
    return _described(Schema, schemas(base), request)


@router.get("/Schemas/{name}")
async def show_schema(name: str, caller: SignedIn, base: Base) -> Response:
    """Those of one kind."""
    return _one(schemas(base), "id", name)


@router.get("/Users")
async def list_scim_people(request: Request, caller: SignedIn, desk: PeopleDesk, base: Base) -> Response:
    """Everybody of the organisation, or those whom the filter finds."""
    search, window = _search(User, request)
    found = await desk.page(caller, None if search.filter is None else search.filter.ast, window)
    return _page(User, [user_of(each, base) for each in found.items], found.total, search, window)


@router.post("/Users")
async def add_scim_person(request: Request, caller: SignedIn, desk: PeopleDesk, base: Base) -> Response:
    """A new person."""
    body = completed(await read_body(request), active=True)
    with reading(), PROVIDER:
        wanted = User.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    known = await desk.add(caller, facts_of_user(wanted))
    return _made(user_of(known, base), _shown(User, request))


@router.get("/Users/{person}")
async def show_scim_person(person: str, request: Request, caller: SignedIn, desk: PeopleDesk, base: Base) -> Response:
    """One person."""
    return _show(user_of(await desk.get(caller, person), base), _shown(User, request))


@router.put("/Users/{person}")
async def replace_scim_person(
    person: str, request: Request, caller: SignedIn, desk: PeopleDesk, base: Base
) -> Response:
    """All that the provider says of the person. Without `active` it stays as it is."""
    sent = await read_body(request)
    await desk.lock(caller)
    now = user_of(await desk.get(caller, person), base)
    body = completed(sent, active=now.active is True)
    with reading(), PROVIDER:
        wanted = User.model_validate(body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
        wanted.replace(now)
    return _show(user_of(await desk.change(caller, person, facts_of_user(wanted)), base), _shown(User, request))


@router.patch("/Users/{person}")
async def patch_scim_person(person: str, request: Request, caller: SignedIn, desk: PeopleDesk, base: Base) -> Response:
    """Some of it."""
    body = await read_body(request)
    await desk.lock(caller)
    user = user_of(await desk.get(caller, person), base)
    _patch(User, user, body)
    return _show(user_of(await desk.change(caller, person, facts_of_user(user)), base), _shown(User, request))


@router.delete("/Users/{person}", status_code=204)
async def remove_scim_person(person: str, caller: SignedIn, desk: PeopleDesk) -> None:
    """They are disabled, and the provider sees them no more."""
    await desk.remove(caller, person)


@router.get("/Groups")
async def list_scim_groups(request: Request, caller: SignedIn, desk: GroupDesk, base: Base) -> Response:
    """All groups, or those that the filter finds."""
    search, window = _search(Group, request)
    found = await desk.page(caller, None if search.filter is None else search.filter.ast, window)
    return _page(Group, [group_of(each, base) for each in found.items], found.total, search, window)


@router.post("/Groups")
async def add_scim_group(request: Request, caller: SignedIn, desk: GroupDesk, base: Base) -> Response:
    """A new group."""
    body = await read_body(request)
    with reading(), PROVIDER:
        wanted = Group.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    return _made(group_of(await desk.add(caller, facts_of_group(wanted)), base), _shown(Group, request))


@router.get("/Groups/{group}")
async def show_scim_group(group: str, request: Request, caller: SignedIn, desk: GroupDesk, base: Base) -> Response:
    """One group."""
    return _show(group_of(await desk.get(caller, group), base), _shown(Group, request))


@router.put("/Groups/{group}")
async def replace_scim_group(group: str, request: Request, caller: SignedIn, desk: GroupDesk, base: Base) -> Response:
    """Its name and all its members."""
    body = await read_body(request)
    taken = await desk.take(caller, group)
    now = group_of(taken, base)
    with reading(), PROVIDER:
        wanted = Group.model_validate(body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
        wanted.replace(now)
    return _show(group_of(await desk.change(caller, taken, facts_of_group(wanted)), base), _shown(Group, request))


@router.patch("/Groups/{group}")
async def patch_scim_group(group: str, request: Request, caller: SignedIn, desk: GroupDesk, base: Base) -> Response:
    """Some of it, such as a member who joins or leaves."""
    body = await read_body(request)
    taken = await desk.take(caller, group)
    now = group_of(taken, base)
    _patch(Group, now, body)
    return _show(group_of(await desk.change(caller, taken, facts_of_group(now)), base), _shown(Group, request))


@router.delete("/Groups/{group}", status_code=204)
async def remove_scim_group(group: str, caller: SignedIn, desk: GroupDesk) -> None:
    """Its members lose the role that it gave."""
    await desk.remove(caller, group)


@router.post("/Bulk")
@router.post("/.search")
@router.api_route("/Me", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def refuse_what_is_not_offered(caller: SignedIn) -> Response:
    """Many operations at once, searches over all kinds, and the caller as a person: a token is none."""
    raise ScimNotOffered("This part of SCIM is not supported here.")


def _search(model: type[_SOME], request: Request) -> tuple[SearchRequest[_SOME], Window]:
    query = dict(request.query_params)
    check_size(query.get("filter", ""))
    named = {name: query[name] for name in ("filter", "attributes", "excludedAttributes") if name in query}
    with reading(), PROVIDER:
        search = SearchRequest[model].model_validate(  # type: ignore[valid-type]
            {**named, **{name: query[name] for name in ("startIndex", "count") if name in query}}
        )
    limit = LONGEST_PAGE if search.count is None else min(search.count, LONGEST_PAGE)
    return search, Window(offset=search.start_index_0 or 0, limit=limit)


def _patch(model: type[_SOME], resource: _SOME, body: dict[str, Any]) -> None:
    _bound(body)
    with reading(), PROVIDER:
        patch = PatchOp[model].model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST)  # type: ignore[valid-type]
        patch.patch(resource)


def _bound(body: dict[str, Any]) -> None:
    """Raises `ScimMalformed`, `ScimFilterRefused` for more operations, or longer paths, than any change needs."""
    operations = next((value for name, value in body.items() if name.lower() == "operations"), None)
    if not isinstance(operations, list):
        return
    if len(operations) > _MOST_OPERATIONS:
        raise ScimMalformed(f"A change has at most {_MOST_OPERATIONS} operations.", scim_type="tooMany")
    for operation in operations:
        path = operation.get("path") if isinstance(operation, dict) else None
        if isinstance(path, str):
            check_size(path)


def _shown(model: type[_SOME], request: Request) -> ResponseParameters[_SOME]:
    query = request.query_params
    with reading(), PROVIDER:
        return ResponseParameters[model].model_validate(  # type: ignore[valid-type]
            {name: query[name] for name in ("attributes", "excludedAttributes") if name in query}
        )


def _show(resource: Resource[Any], shown: ResponseParameters[Any] | None = None) -> Response:
    return answered(resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=shown))


def _made(resource: User | Group, shown: ResponseParameters[Any]) -> Response:
    body = resource.model_dump(scim_ctx=Context.RESOURCE_CREATION_RESPONSE, response_parameters=shown)
    assert resource.meta is not None
    return answered(body, 201, str(resource.meta.location))


def _page(
    model: type[_SOME], items: Sequence[_SOME], total: int, search: SearchRequest[_SOME], window: Window
) -> Response:
    page = ListResponse[model](  # type: ignore[valid-type]
        total_results=total, start_index=window.offset + 1, items_per_page=len(items), resources=list(items)
    )
    return answered(page.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=search))


def _described(model: type[Resource[Any]], found: Sequence[Resource[Any]], request: Request) -> Response:
    """RFC 7644, section 4: a filter is refused there, so that nobody is misled."""
    if "filter" in request.query_params:
        raise ScimNotOffered("Schemas and resource types are not searched.")
    page = ListResponse[model](  # type: ignore[valid-type]
        total_results=len(found), start_index=1, items_per_page=len(found), resources=list(found)
    )
    return answered(page.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


def _one(found: Sequence[Resource[Any]], field: str, name: str) -> Response:
    for each in found:
        if getattr(each, field) == name:
            return _show(each)
    raise NotFound(f"There is no {name[:80]}.")
