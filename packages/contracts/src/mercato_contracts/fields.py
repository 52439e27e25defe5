"""What fields that many messages share mean: one home for each meaning, its unit and its limits.

A field whose meaning is its message's own is described in that message. A test finds a field without a description.
"""

from datetime import datetime
from typing import Annotated

from pydantic import Field

OrganisationId = Annotated[str, Field(description="The organisation's id, `org_…`")]
ConsumerId = Annotated[str, Field(description="The id of the organisation that calls and pays, `org_…`")]
VendorId = Annotated[str, Field(description="The id of the organisation that offers the service, `org_…`")]
VendorSlug = Annotated[str, Field(description="The vendor's short name, as in `vendor/name`")]
ServiceId = Annotated[str, Field(description="The service's id, `svc_…`")]
ReleaseId = Annotated[str, Field(description="The release's id, `rel_…`")]
PlanId = Annotated[str, Field(description="The plan's id, `pln_…`")]
SubscriptionId = Annotated[str, Field(description="The subscription's id, `sub_…`")]
CurrencyCode = Annotated[str, Field(description="The currency of the amounts: an ISO 4217 code, such as `USD`")]
Calls = Annotated[int, Field(description="How many calls")]
TokensIn = Annotated[int, Field(description="Input tokens of those calls")]
TokensOut = Annotated[int, Field(description="Output tokens of those calls")]
CreatedAt = Annotated[datetime, Field(description="When it was made, UTC")]
RevokedAt = Annotated[datetime | None, Field(description="When it was revoked, UTC; null while it is not")]
NextPage = Annotated[str | None, Field(description="The cursor of the next page; null on the last page")]

CONTRACT = Field(description="The name and version of this contract")
LINE_TYPE = Field(description="What kind of line this is")

# A metered call. The gateway's report bounds these figures; people read them without bounds.
REQUEST_ID = Field(description="The id of the request, `req_…`, as it stands in the response and the logs")
DEPLOYMENT_ID = Field(description="The id of the deployment that answered, `dep_…`")
PROTOCOL = Field(description="The protocol of the call")
OPERATION = Field(description="What was called: method and path template, or the protocol's name for it")
HTTP_STATUS = Field(description="The HTTP status that the client got")
STREAMED = Field(description="Whether the response was a stream")
CLIENT_LEFT = Field(description="Whether the client left before the end")
TOKENS_IN = Field(description="Input tokens that are charged")
TOKENS_OUT = Field(description="Output tokens that are charged")
TOKENS_CACHED = Field(description="Input tokens that the service had in its cache")
BYTES_IN = Field(description="Bytes of the request's body")
BYTES_OUT = Field(description="Bytes of the response's body")
FIRST_BYTE_US = Field(description="Microseconds until the first byte of the response")
DURATION_US = Field(description="Microseconds until the last byte of the response")
OVERHEAD_US = Field(description="Microseconds of those that the gateway itself took")
INCLUDED = Field(description="Units that the plan covered: calls or tokens")
PRICE_NANOS = Field(description="What is charged, in nano-units")
CURRENCY = Field(description="The currency of the amounts: an ISO 4217 code, such as `USD`")
SOURCE = Field(description="Who counted the tokens: the `provider`, the gateway (`estimated`), or nobody to the end")
ASKED_SERVICE = Field(description="The service that the call had named, where a fallback answered; else null")
UNPAID_TOKENS_IN = Field(description="Input tokens beyond the call's limits, charged to nobody")
UNPAID_TOKENS_OUT = Field(description="Output tokens beyond the call's limits, charged to nobody")
UNPAID_NANOS = Field(description="The price of what was used beyond the call's limits, in nano-units")
ENDED_BY = Field(description="The code of the limit that ended the stream; null where none did")
DOUBT = Field(description="Why the service's token counts cannot be true; null where they can")
CLAIMED_TOKENS_IN = Field(description="Input tokens that the service claimed; null without a doubt")
CLAIMED_TOKENS_OUT = Field(description="Output tokens that the service claimed; null without a doubt")
