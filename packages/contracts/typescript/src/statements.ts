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

