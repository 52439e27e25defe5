// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Single calls under `/api/usage/calls`: the newest first, by any filter, and one with all that explains it. */

/** The newest dispute of a call. */
export interface CallDisputeView {
  /** The dispute's id, `dsp_…` */
  id: string;
  /** `open`, or how it ended */
  state: "open" | "agreed" | "upheld" | "rejected" | "withdrawn";
}

/**
 * A call and what explains it.
 *
 * `asked_service` is what the call had named where a fallback answered. `is_owed` is false where an answer of this
 * status costs nothing; `lines` sum to the price. `spent` is absent where it was not kept, and for vendors. `entries`
 * are those of the batch that the call came with, of its subscription and day, and of its adjustments, in your own
 * accounts: the ledger adds up what comes together. `stands_at_nanos` is the price with all adjustments.
 */
export interface CallExplanation {
  /** From whose side it is shown */
  side: "consumer" | "vendor" | "marketplace";
  /** The call */
  call: CallView;
  /** The service that the call had named, where a fallback answered; else null */
  asked_service: string | null;
  /** The plan's name */
  plan: string;
  /** Whether a call with this status is charged */
  is_owed: boolean;
  /** How the price is made up */
  lines: Array<PriceLineView>;
  /** What the call spent of each limit; null for vendors, and where it was not kept */
  spent: Array<SliceView> | null;
  /** Corrections of this call */
  adjustments: Array<EventAdjustmentView>;
  /** The price with all adjustments, in nano-units */
  stands_at_nanos: number;
  /** The ledger's postings that contain it, in your own accounts */
  entries: Array<EntryView>;
  /** The call's newest dispute; null: none */
  dispute?: CallDisputeView | null;
  /** Until when your organisation may dispute the charge, UTC; null where it may not or no longer */
  disputable_until?: string | null;
}

/**
 * The newest first; ask on with `after` set to `next` and the same filters.
 *
 * With filters that few calls match, a page may be short or empty and yet have a `next`: one page looks through a
 * bounded number of calls.
 */
export interface CallPage {
  /** The calls of this page, newest first */
  items: Array<CallView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A metered call, with the names that people know its ids by; `key` is empty for a vendor, as `key_id` is. */
export interface CallView {
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
  /** The consumer's short name */
  consumer: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The service, `vendor/name` */
  service: string;
  /** The release that answered, such as `1.4.0` */
  version: string;
  /** The name of the key; empty for a vendor */
  key: string;
}

/** A posting: positive is debit. `document_id` is the invoice or payout that it stands on, none while unbilled. */
export interface EntryView {
  /** The posting's number in the ledger, ascending */
  number: number;
  /** The day of the usage, UTC (format: "date") */
  day: string;
  /** When it was posted, UTC (format: "date-time") */
  posted_at: string;
  /** The account that it is posted to */
  account_id: string;
  /** The id of the account's organisation; null for the marketplace's own account */
  organisation_id: string | null;
  /** The short name of that organisation; empty for the marketplace */
  organisation: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** The journal entry that it belongs to, `jrn_…`; its postings sum to zero */
  journal_id: string;
  /** What was posted */
  kind: "usage" | "monthly" | "adjustment";
  /** What it was posted for; each is posted once */
  reference: string;
  /** What the amount is: the charge itself, or the marketplace's fee */
  item: "usage" | "monthly" | "adjustment" | "fee";
  /** The service's id, `svc_…` */
  service_id: string;
  /** The service, `vendor/name` */
  service: string;
  /** The subscription's id, `sub_…` */
  subscription_id: string;
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The plan's name */
  plan: string;
  /** How many calls */
  calls: number;
  /** Input tokens of those calls */
  tokens_in: number;
  /** Output tokens of those calls */
  tokens_out: number;
  /** Units that the plan covered: calls or tokens */
  included: number;
  /** The amount in nano-units; positive is debit */
  amount_nanos: number;
  /** The invoice or payout that it stands on; null while unbilled */
  document_id: string | null;
  /** The number of that document; null while unbilled */
  document_number: number | null;
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

/** A part of the price: `units` at `unit_nanos` each, of tokens a thousand; `covered` units were the plan's own. */
export interface PriceLineView {
  /** What is priced */
  item: "call" | "input_tokens" | "output_tokens";
  /** How many: calls or tokens */
  units: number;
  /** How many of them the plan included, at no price */
  covered: number;
  /** The price of one call, or of a thousand tokens, in nano-units */
  unit_nanos: number;
  /** The amount of this line in nano-units */
  nanos: number;
}

/** What the call spent of a limit: `scope` is its whole name, absent once the slice is forgotten. */
export interface SliceView {
  /** The id of the lease that it was taken from, `lse_…` */
  lease: string;
  /** Units spent: calls, tokens or nano-units, as the limit counts */
  units: number;
  /** The limit's name; null once the slice is forgotten */
  scope: string | null;
  /** When the limit's window began, UTC; null once the slice is forgotten */
  window_start: string | null;
}

