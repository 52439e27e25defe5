// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** An organisation's money under `/api`: statement, balance, what is not billed yet, and what plans would cost. */

/** What your organisation stands at; positive is what it owes. */
export interface BalanceAnswer {
  /** The accounts of your organisation */
  items: Array<StandingView>;
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

/** A part of a plan's price: `units` at `unit_nanos` each, of tokens a thousand. */
export interface EstimateLineView {
  /** What is priced */
  item: "monthly" | "call" | "input_tokens" | "output_tokens";
  /** How many: months, calls or tokens */
  units: number;
  /** The price of one, or of a thousand tokens, in nano-units */
  unit_nanos: number;
  /** The amount of this line in nano-units */
  nanos: number;
}

/**
 * What a plan would charge for a month of the workload.
 *
 * `included_units` are what it covers. `refused_units` are beyond that where the plan ends there: not served, and not
 * in the price.
 */
export interface PlanEstimateView {
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The plan's name */
  plan: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** What the month would cost, in nano-units */
  nanos: number;
  /** Units that the plan covers: calls or tokens */
  included_units: number;
  /** Units that the plan would refuse */
  refused_units: number;
  /** How the amount is made up */
  lines: Array<EstimateLineView>;
}

/**
 * A month's workload under each plan that is offered, the cheapest of a currency first.
 *
 * `since` is the month that was read, where it is your own. Real calls are rounded up one by one, so they come to a
 * little more.
 */
export interface PriceEstimate {
  /** Calls of the month's workload */
  calls: number;
  /** Input tokens of the month's workload */
  tokens_in: number;
  /** Output tokens of the month's workload */
  tokens_out: number;
  /** The start of the month that was read; null where the workload was given */
  since: string | null;
  /** The plans on offer, cheapest of a currency first */
  items: Array<PlanEstimateView>;
}

/** An account: all that was posted, and the part of it that stands on no invoice or payout yet. */
export interface StandingView {
  /** The account's id, such as `consumer:org_…:USD` or `revenue:USD` */
  account_id: string;
  /** Whose account it is */
  kind: "consumer" | "vendor" | "revenue";
  /** The id of its organisation; null for the marketplace's own account */
  organisation_id: string | null;
  /** The short name of its organisation */
  organisation: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** The balance in nano-units; positive is owed by the organisation */
  balance_nanos: number;
  /** The part of it that stands on no document yet, in nano-units */
  unbilled_nanos: number;
}

/**
 * Postings of [`since`, `until`), the newest first; ask on with `after` set to `next`.
 *
 * Positive is what you owe, negative what you are owed. `opening_nanos` is what stood before the period, and
 * `closing_nanos` after it, by currency.
 */
export interface StatementAnswer {
  /** From whose side it is counted */
  side: "consumer" | "vendor" | "marketplace";
  /** The first day, UTC (format: "date") */
  since: string;
  /** The day after the last one, UTC (format: "date") */
  until: string;
  /** The balance before the period by currency, in nano-units */
  opening_nanos: Record<string, number>;
  /** The balance after the period by currency, in nano-units */
  closing_nanos: Record<string, number>;
  /** The postings of this page, newest first */
  items: Array<EntryView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** All that stands on no document yet, and its sum by currency. */
export interface UnbilledAnswer {
  /** From whose side it is counted */
  side: "consumer" | "vendor";
  /** The sum by currency, in nano-units */
  totals: Record<string, number>;
  /** The lines that the next document would have */
  items: Array<UnbilledLineView>;
}

/** What the next invoice, or payout, would have as a line. */
export interface UnbilledLineView {
  /** The calendar month of the usage, UTC: 2026-11 */
  month: string;
  /** The account that it is posted to */
  account_id: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** What the amount is */
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
  /** The amount in nano-units; positive is owed by the organisation */
  amount_nanos: number;
}

