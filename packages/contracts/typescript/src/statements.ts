// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** An organisation's money under `/api`: statement, balance, what is not billed yet, and what plans would cost. */

/** What your organisation stands at; positive is what it owes. */
export interface BalanceAnswer {
  items: Array<StandingView>;
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

/** A part of a plan's price: `units` at `unit_nanos` each, of tokens a thousand. */
export interface EstimateLineView {
  item: "monthly" | "call" | "input_tokens" | "output_tokens";
  units: number;
  unit_nanos: number;
  nanos: number;
}

/**
 * What a plan would charge for a month of the workload.
 *
 * `included_units` are what it covers. `refused_units` are beyond that where the plan ends there: not served, and not
 * in the price.
 */
export interface PlanEstimateView {
  plan_id: string;
  plan: string;
  currency: string;
  nanos: number;
  included_units: number;
  refused_units: number;
  lines: Array<EstimateLineView>;
}

/**
 * A month's workload under each plan that is offered, the cheapest of a currency first.
 *
 * `since` is the month that was read, where it is your own. Real calls are rounded up one by one, so they come to a
 * little more.
 */
export interface PriceEstimate {
  calls: number;
  tokens_in: number;
  tokens_out: number;
  since: string | null;
  items: Array<PlanEstimateView>;
}

/** An account: all that was posted, and the part of it that stands on no invoice or payout yet. */
export interface StandingView {
  account_id: string;
  kind: "consumer" | "vendor" | "revenue";
  organisation_id: string | null;
  organisation: string;
  currency: string;
  balance_nanos: number;
  unbilled_nanos: number;
}

/**
 * Postings of [`since`, `until`), the newest first; ask on with `after` set to `next`.
 *
 * Positive is what you owe, negative what you are owed. `opening_nanos` is what stood before the period, and
 * `closing_nanos` after it, by currency.
 */
export interface StatementAnswer {
  side: "consumer" | "vendor" | "marketplace";
  /** (format: "date") */
  since: string;
  /** (format: "date") */
  until: string;
  opening_nanos: Record<string, number>;
  closing_nanos: Record<string, number>;
  items: Array<EntryView>;
  next: string | null;
}

/** All that stands on no document yet, and its sum by currency. */
export interface UnbilledAnswer {
  side: "consumer" | "vendor";
  totals: Record<string, number>;
  items: Array<UnbilledLineView>;
}

/** What the next invoice, or payout, would have as a line. */
export interface UnbilledLineView {
  month: string;
  account_id: string;
  currency: string;
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
}

