"""What provisioning by SCIM refuses. `scim_type` is the keyword of RFC 7644, section 3.12."""

from typing import ClassVar

from mercato.platform import Conflict, NotFound, Refusal


class ScimRefused(Refusal):
    """A request of an identity provider that is refused."""

    code = "scim_refused"
    status = 400
    title = "The provisioning request is refused"
    fix = "Fix what the sentence names and send it again."
    scim_type: ClassVar[str | None] = None


class ScimMalformed(ScimRefused):
    """The request does not have the shape that SCIM asks for."""

    code = "scim_malformed"
    title = "The provisioning request is malformed"

    def __init__(self, detail: str, *, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.keyword = scim_type


class ScimFilterRefused(ScimRefused):
    """The filter is longer or deeper than any that is needed, or asks about what cannot be searched."""

    code = "scim_filter_refused"
    title = "The filter is refused"
    fix = "Use at most 1,000 characters, 30 comparisons and 10 levels of brackets, on attributes that `/Schemas` names."
    scim_type = "invalidFilter"


class ScimAddressMissing(ScimRefused):
    """A person without a mail address."""

    code = "scim_address_missing"
    title = "The mail address is missing"
    fix = "Map a mail address to `emails`, or to `userName`: people sign in with it and get mail there."
    scim_type = "invalidValue"


class ScimMemberUnknown(ScimRefused):
    """A member of a group who is no person of the organisation."""

    code = "scim_member_unknown"
    title = "The member is unknown"
    fix = "Provision the person first. Groups of groups are not kept."
    scim_type = "invalidValue"


class ScimTaken(Conflict):
    """The user name, address or group name belongs to another."""

    code = "scim_taken"
    title = "The name or address is taken"
    fix = "Find who has it with a filter on `userName` or `displayName`, and update that resource."
    scim_type: ClassVar[str] = "uniqueness"


class ScimAdministratorKept(Refusal):
    """An administrator's address is changed by people only."""

    code = "scim_administrator_kept"
    status = 403
    title = "An administrator's address cannot be changed here"
    fix = "Give the person another role in the marketplace first, or change the address there."


class ScimMemberKept(Refusal):
    """The address of somebody who belongs to another organisation too is not this directory's to change."""

    code = "scim_member_kept"
    status = 403
    title = "The address of a person of several organisations cannot be changed here"
    fix = "Let them leave the other organisations first, or provision a new person with the new address."


class ScimTokenUnknown(NotFound):
    """The organisation has no such token."""

    code = "scim_token_unknown"
    title = "No such token"
    fix = "List the tokens with `GET /api/scim/tokens`."


class ScimNotOffered(Refusal):
    """A part of SCIM that is not offered here."""

    code = "scim_not_offered"
    status = 501
    title = "This part of SCIM is not supported"
    fix = "`/ServiceProviderConfig` lists what is supported."
