// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What metering receives and answers under `/api`: usage and budgets. Money is in whole nano-units. */

/** Every budget of the organisation and its keys. */
export interface BudgetList {
  /** The budgets of the organisation and its keys */
  items: Array<BudgetView>;
}

/**
 * A cap on the whole organisation, or on the key `key_id`. `nanos` is money in nano-units, of every currency.
 *
 * With `side` `vendor` on all calls of your services together, whoever makes them. `concurrent` are calls at once,
 * which are counted at every moment: their window is `ever`.
 */
export interface BudgetRequest {
  /** Whose calls: the organisation's own, or those of its services (default: "consumer") */
  side?: "consumer" | "vendor";
  /** The key to limit, `key_…`; the whole organisation when left out */
  key_id?: string | null;
  /** What is counted (default: "nanos") */
  unit?: "nanos" | "requests" | "tokens" | "concurrent";
  /** Over which time; `ever` is for `concurrent` (default: "month") */
  window?: "second" | "minute" | "day" | "month" | "ever";
  /** The most units of one window (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
}

/** A cap and how its present window stands: `used` is spent, `held` lent to gateways for calls, `left` is free. */
export interface BudgetView {
  /** The whole name of the limit */
  scope: string;
  /** The key that it limits; null: the whole organisation */
  key_id: string | null;
  /** What is counted */
  unit: "nanos" | "requests" | "tokens" | "concurrent";
  /** Over which time */
  window: "second" | "minute" | "day" | "month" | "ever";
  /** The most units of one window */
  cap: number;
  /** Units spent in the present window */
  used: number;
  /** Units lent to gateways for calls */
  held: number;
  /** Units that are free */
  left: number;
  /** The id of the person or key that set it */
  set_by: string;
  /** When it was set, UTC (format: "date-time") */
  set_at: string;
}

/** The newest day first. */
export interface DoubtedCallsList {
  /** The doubted calls by service, day and reason, newest day first */
  items: Array<DoubtedCallsView>;
}

/** Calls of a service on one day whose counts cannot be true, by reason. */
export interface DoubtedCallsView {
  /** The service's id, `svc_…` */
  service_id: string;
  /** The day, UTC (format: "date") */
  day: string;
  /** Why the counts cannot be true */
  reason: string;
  /** How many calls */
  calls: number;
}

/** A correction of one event; units and money are negative in a credit. */
export interface EventAdjustmentView {
  /** The adjustment's id, `adj_…` */
  id: string;
  /** When it was posted, UTC (format: "date-time") */
  at: string;
  /** Why it was posted */
  reason: string;
  /** Calls; negative in a credit */
  requests: number;
  /** Input tokens; negative in a credit */
  tokens_in: number;
  /** Output tokens; negative in a credit */
  tokens_out: number;
  /** The amount in nano-units; negative in a credit */
  nanos: number;
}

/** Sums of the period [`since`, `until`) by group, and the totals of the same calls by currency. */
export interface UsageAnswer {
  /** From whose side it is counted */
  side: "consumer" | "vendor" | "marketplace";
  /** What the sums are split by */
  group_by: "service" | "day" | "key" | "subscription" | "consumer" | "vendor";
  /** The start of the period, inclusive (format: "date-time") */
  since: string;
  /** The end of the period, exclusive (format: "date-time") */
  until: string;
  /** One sum for each group and currency */
  items: Array<UsageSumView>;
  /** One sum for each currency */
  totals: Array<UsageSumView>;
}

/** In the order of the calls' times; ask on with `after` set to `next`. */
export interface UsageDisputePage {
  /** The disputes of this page, in the order of the calls' times */
  items: Array<UsageDisputeView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A call on which the gateway and the control plane disagreed; the control plane's figure was posted. */
export interface UsageDisputeView {
  /** The usage event, `use_…` */
  event_id: string;
  /** The time in the event's id, UTC (format: "date-time") */
  at: string;
  /** The id of the gateway that reported it, `gtw_…` */
  gateway: string;
  /** What they disagree on */
  reasons: Array<string>;
  /** The event as the gateway reported it */
  claimed: Record<string, unknown>;
  /** The price that the gateway reported, in nano-units */
  claimed_nanos: number;
  /** The price that was posted, in nano-units */
  posted_nanos: number;
}

/** In the order of their times; ask on with `after` set to `next`. */
export interface UsageEventPage {
  /** The calls of this page, in the order of their times */
  items: Array<UsageEventView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/**
 * One metered call as it was; what was corrected stands beside it.
 *
 * `asked_service_id` is the service that the call had named, where a fallback answered. A vendor is told neither that
 * nor the key. The `unpaid_` fields are what the service used beyond the call's limits: charged to nobody. `ended_by`
 * is the code of the limit that ended a stream. Where the service's counts cannot be true, `doubt` says why, the
 * `claimed_` fields are those counts, and the gateway's own count is charged.
 */
export interface UsageEventView {
  /** The event's id, `use_…` */
  id: string;
  /** The time in the event's id, UTC: calls are listed by it (format: "date-time") */
  at: string;
  /** When the call began by the gateway's clock, UTC (format: "date-time") */
  called_at: string;
  /** The id of the request, `req_…`, as it stands in the response and the logs */
  request_id: string;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The id of the key that called; null for a vendor */
  key_id: string | null;
  /** The subscription's id, `sub_…` */
  subscription_id: string;
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The release's id, `rel_…` */
  release_id: string;
  /** The id of the deployment that answered, `dep_…` */
  deployment_id: string;
  /** The protocol of the call */
  protocol: string;
  /** What was called: method and path template, or the protocol's name for it */
  operation: string;
  /** The HTTP status that the client got */
  status: number;
  /** Whether the response was a stream */
  streamed: boolean;
  /** Whether the client left before the end */
  client_left: boolean;
  /** Input tokens that are charged */
  tokens_in: number;
  /** Output tokens that are charged */
  tokens_out: number;
  /** Input tokens that the service had in its cache */
  tokens_cached: number;
  /** Bytes of the request's body */
  bytes_in: number;
  /** Bytes of the response's body */
  bytes_out: number;
  /** Microseconds until the first byte of the response */
  first_byte_us: number;
  /** Microseconds until the last byte of the response */
  duration_us: number;
  /** Microseconds of those that the gateway itself took */
  overhead_us: number;
  /** Units that the plan covered: calls or tokens */
  included: number;
  /** What is charged, in nano-units */
  price_nanos: number;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** Who counted the tokens: the `provider`, the gateway (`estimated`), or nobody to the end */
  source: string;
  /** The service that the call had named, where a fallback answered; else null */
  asked_service_id?: string | null;
  /** Input tokens beyond the call's limits, charged to nobody */
  unpaid_tokens_in: number;
  /** Output tokens beyond the call's limits, charged to nobody */
  unpaid_tokens_out: number;
  /** The price of what was used beyond the call's limits, in nano-units */
  unpaid_nanos: number;
  /** The code of the limit that ended the stream; null where none did */
  ended_by: string | null;
  /** Why the service's token counts cannot be true; null where they can */
  doubt: string | null;
  /** Input tokens that the service claimed; null without a doubt */
  claimed_tokens_in: number | null;
  /** Output tokens that the service claimed; null without a doubt */
  claimed_tokens_out: number | null;
  /** Corrections of this call */
  adjustments: Array<EventAdjustmentView>;
}

/** What is to become of the service. */
export interface UsageReviewDecision {
  /** `hold` takes the service's deployments out of routing, `clear` does not */
  verdict: "clear" | "hold";
  /** Why, 1 to 500 characters (minLength: 1, maxLength: 500) */
  reason: string;
}

/** The newest first; ask on with `before` set to `next`. */
export interface UsageReviewPage {
  /** The reviews of this page, newest first */
  items: Array<UsageReviewView>;
  /** Pass it as `before` for the next page; null on the last page */
  next: string | null;
}

/**
 * A service that an operator has to look at: on `day` the counts of `calls` of its calls could not be true.
 *
 * `verdict` is `hold` where its deployments were taken out of routing, `clear` where they were not, or came back.
 */
export interface UsageReviewView {
  /** The review's id, `drv_…` */
  id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The day of the calls, UTC (format: "date") */
  day: string;
  /** How many calls had counts that cannot be true */
  calls: number;
  /** When it was opened, UTC (format: "date-time") */
  opened_at: string;
  /** What was decided; null while it is open */
  verdict: "clear" | "hold" | null;
  /** Why; null while it is open */
  reason: string | null;
  /** The id of the operator; null while it is open */
  decided_by: string | null;
  /** When it was decided, UTC; null while it is open */
  decided_at: string | null;
}

/**
 * Calls added up; `failed` are those that the service answered with 5xx. `group` is empty in totals.
 *
 * `name` is what people call the group: `acme/embedder` for a service's id.
 * `unpaid_nanos` is the price of what services used beyond the calls' limits, which nobody is charged for.
 */
export interface UsageSumView {
  /** The value of the group; empty in totals */
  group: string;
  /** What people call the group (default: "") */
  name?: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** How many calls */
  calls: number;
  /** Calls that the service answered with a status of 500 or above */
  failed: number;
  /** Input tokens of those calls */
  tokens_in: number;
  /** Output tokens of those calls */
  tokens_out: number;
  /** Bytes of the responses */
  bytes_out: number;
  /** Units that plans covered: calls or tokens */
  included: number;
  /** What was charged, in nano-units */
  price_nanos: number;
  /** The price of what services used beyond the limits, charged to nobody, in nano-units */
  unpaid_nanos: number;
}

