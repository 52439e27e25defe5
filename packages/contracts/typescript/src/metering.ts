// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What metering receives and answers under `/api`: usage and budgets. Money is in whole nano-units. */

/** Every budget of the organisation and its keys. */
export interface BudgetList {
  items: Array<BudgetView>;
}

/**
 * A cap on the whole organisation, or on the key `key_id`. `nanos` is money in nano-units, of every currency.
 *
 * With `side` `vendor` on all calls of your services together, whoever makes them. `concurrent` are calls at once,
 * which are counted at every moment: their window is `ever`.
 */
export interface BudgetRequest {
  /** (default: "consumer") */
  side?: "consumer" | "vendor";
  key_id?: string | null;
  /** (default: "nanos") */
  unit?: "nanos" | "requests" | "tokens" | "concurrent";
  /** (default: "month") */
  window?: "second" | "minute" | "day" | "month" | "ever";
  /** (minimum: 0, maximum: 9000000000000000000) */
  cap: number;
}

/** A cap and how its present window stands: `used` is spent, `held` lent to gateways for calls, `left` is free. */
export interface BudgetView {
  scope: string;
  key_id: string | null;
  unit: "nanos" | "requests" | "tokens" | "concurrent";
  window: "second" | "minute" | "day" | "month" | "ever";
  cap: number;
  used: number;
  held: number;
  left: number;
  set_by: string;
  /** (format: "date-time") */
  set_at: string;
}

/** The newest day first. */
export interface DoubtedCallsList {
  items: Array<DoubtedCallsView>;
}

/** Calls of a service on one day whose counts cannot be true, by reason. */
export interface DoubtedCallsView {
  service_id: string;
  /** (format: "date") */
  day: string;
  reason: string;
  calls: number;
}

/** A correction of one event; units and money are negative in a credit. */
export interface EventAdjustmentView {
  id: string;
  /** (format: "date-time") */
  at: string;
  reason: string;
  requests: number;
  tokens_in: number;
  tokens_out: number;
  nanos: number;
}

/** Sums of the period [`since`, `until`) by group, and the totals of the same calls by currency. */
export interface UsageAnswer {
  side: "consumer" | "vendor" | "marketplace";
  group_by: "service" | "day" | "key" | "subscription" | "consumer" | "vendor";
  /** (format: "date-time") */
  since: string;
  /** (format: "date-time") */
  until: string;
  items: Array<UsageSumView>;
  totals: Array<UsageSumView>;
}

/** In the order of the calls' times; ask on with `after` set to `next`. */
export interface UsageDisputePage {
  items: Array<UsageDisputeView>;
  next: string | null;
}

/** A call on which the gateway and the control plane disagreed; the control plane's figure was posted. */
export interface UsageDisputeView {
  event_id: string;
  /** (format: "date-time") */
  at: string;
  gateway: string;
  reasons: Array<string>;
  claimed: Record<string, unknown>;
  claimed_nanos: number;
  posted_nanos: number;
}

/** In the order of their times; ask on with `after` set to `next`. */
export interface UsageEventPage {
  items: Array<UsageEventView>;
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
  id: string;
  /** (format: "date-time") */
  at: string;
  /** (format: "date-time") */
  called_at: string;
  request_id: string;
  consumer_id: string;
  key_id: string | null;
  subscription_id: string;
  plan_id: string;
  vendor_id: string;
  service_id: string;
  release_id: string;
  deployment_id: string;
  protocol: string;
  operation: string;
  status: number;
  streamed: boolean;
  client_left: boolean;
  tokens_in: number;
  tokens_out: number;
  tokens_cached: number;
  bytes_in: number;
  bytes_out: number;
  first_byte_us: number;
  duration_us: number;
  overhead_us: number;
  included: number;
  price_nanos: number;
  currency: string;
  source: string;
  asked_service_id?: string | null;
  unpaid_tokens_in: number;
  unpaid_tokens_out: number;
  unpaid_nanos: number;
  ended_by: string | null;
  doubt: string | null;
  claimed_tokens_in: number | null;
  claimed_tokens_out: number | null;
  adjustments: Array<EventAdjustmentView>;
}

/** What is to become of the service. */
export interface UsageReviewDecision {
  verdict: "clear" | "hold";
  /** (minLength: 1, maxLength: 500) */
  reason: string;
}

/** The newest first; ask on with `before` set to `next`. */
export interface UsageReviewPage {
  items: Array<UsageReviewView>;
  next: string | null;
}

/**
 * A service that an operator has to look at: on `day` the counts of `calls` of its calls could not be true.
 *
 * `verdict` is `hold` where its deployments were taken out of routing, `clear` where they were not, or came back.
 */
export interface UsageReviewView {
  id: string;
  service_id: string;
  vendor_id: string;
  /** (format: "date") */
  day: string;
  calls: number;
  /** (format: "date-time") */
  opened_at: string;
  verdict: "clear" | "hold" | null;
  reason: string | null;
  decided_by: string | null;
  decided_at: string | null;
}

/**
 * Calls added up; `failed` are those that the service answered with 5xx. `group` is empty in totals.
 *
 * `name` is what people call the group: `acme/embedder` for a service's id.
 * `unpaid_nanos` is the price of what services used beyond the calls' limits, which nobody is charged for.
 */
export interface UsageSumView {
  group: string;
  /** (default: "") */
  name?: string;
  currency: string;
  calls: number;
  failed: number;
  tokens_in: number;
  tokens_out: number;
  bytes_out: number;
  included: number;
  price_nanos: number;
  unpaid_nanos: number;
}

