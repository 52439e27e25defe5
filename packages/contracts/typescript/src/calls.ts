// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Single calls under `/api/usage/calls`: the newest first, by any filter, and one with all that explains it. */

/**
 * A call and what explains it.
 *
 * `asked_service` is what the call had named where a fallback answered. `is_owed` is false where an answer of this
 * status costs nothing; `lines` sum to the price. `spent` is absent where it was not kept, and for vendors. `entries`
 * are those of the batch that the call came with, of its subscription and day, and of its adjustments, in your own
 * accounts: the ledger adds up what comes together. `stands_at_nanos` is the price with all adjustments.
 */
export interface CallExplanation {
  side: "consumer" | "vendor" | "marketplace";
  call: CallView;
  asked_service: string | null;
  plan: string;
  is_owed: boolean;
  lines: Array<PriceLineView>;
  spent: Array<SliceView> | null;
  adjustments: Array<EventAdjustmentView>;
  stands_at_nanos: number;
  entries: Array<EntryView>;
}

/**
 * The newest first; ask on with `after` set to `next` and the same filters.
 *
 * With filters that few calls match, a page may be short or empty and yet have a `next`: one page looks through a
 * bounded number of calls.
 */
export interface CallPage {
  items: Array<CallView>;
  next: string | null;
}

/** A metered call, with the names that people know its ids by; `key` is empty for a vendor, as `key_id` is. */
export interface CallView {
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
  consumer: string;
  vendor: string;
  service: string;
  version: string;
  key: string;
}

/** A posting: positive is debit. `document_id` is the invoice or payout that it stands on, none while unbilled. */
export interface EntryView {
  number: number;
  /** (format: "date") */
  day: string;
  /** (format: "date-time") */
  posted_at: string;
  account_id: string;
  organisation_id: string | null;
  organisation: string;
  currency: string;
  journal_id: string;
  kind: "usage" | "monthly" | "adjustment";
  reference: string;
  item: "usage" | "monthly" | "adjustment" | "fee";
  service_id: string;
  service: string;
  subscription_id: string;
  plan_id: string;
  plan: string;
  calls: number;
  tokens_in: number;
  tokens_out: number;
  included: number;
  amount_nanos: number;
  document_id: string | null;
  document_number: number | null;
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

/** A part of the price: `units` at `unit_nanos` each, of tokens a thousand; `covered` units were the plan's own. */
export interface PriceLineView {
  item: "call" | "input_tokens" | "output_tokens";
  units: number;
  covered: number;
  unit_nanos: number;
  nanos: number;
}

/** What the call spent of a limit: `scope` is its whole name, absent once the slice is forgotten. */
export interface SliceView {
  lease: string;
  units: number;
  scope: string | null;
  window_start: string | null;
}

