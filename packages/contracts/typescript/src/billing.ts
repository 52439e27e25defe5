// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What billing receives and answers under `/api`. Money is in whole nano-units, never rounded. */

/** An account of the ledger; a positive balance is debit: the organisation owes. */
export interface AccountView {
  id: string;
  kind: string;
  organisation_id: string | null;
  currency: string;
  balance_nanos: number;
}

/** In the order they were posted; ask on with `after` set to `next`. */
export interface AdjustmentPage {
  items: Array<AdjustmentView>;
  next: string | null;
}

/**
 * Correct what was charged for one event, or on a subscription's days from `since` until before `until`.
 *
 * In whole units of what was used, priced as the plan says, or with `nanos` in money. A `credit` gives back, and never
 * more than was charged; a `charge` asks for more (operators, for one event). `reference` is yours: with the same one
 * the same adjustment is posted once, however often it is sent.
 */
export interface AdjustmentRequest {
  /** (minLength: 1, maxLength: 100) */
  reference: string;
  /** (default: "credit") */
  direction?: "credit" | "charge";
  /** (minLength: 3, maxLength: 500) */
  reason: string;
  event_id?: string | null;
  subscription_id?: string | null;
  since?: string | null;
  until?: string | null;
  /** (minimum: 0, maximum: 9000000000000000000, default: 0) */
  requests?: number;
  /** (minimum: 0, maximum: 9000000000000000000, default: 0) */
  tokens_in?: number;
  /** (minimum: 0, maximum: 9000000000000000000, default: 0) */
  tokens_out?: number;
  nanos?: number | null;
}

/** A posted correction. Units and money are negative in a credit; `fee_nanos` is the marketplace's part of it. */
export interface AdjustmentView {
  id: string;
  /** (format: "date-time") */
  at: string;
  reference: string;
  reason: string;
  event_id: string | null;
  consumer_id: string;
  vendor_id: string;
  service_id: string;
  subscription_id: string;
  plan_id: string;
  currency: string;
  /** (format: "date") */
  since: string;
  /** (format: "date") */
  until: string;
  requests: number;
  tokens_in: number;
  tokens_out: number;
  nanos: number;
  fee_nanos: number;
}

/** What was issued. `is_complete`: the period is closed; what comes later is an adjustment on the next invoice. */
export interface CloseAnswer {
  period: string;
  is_complete: boolean;
  invoices: Array<InvoiceView>;
  payouts: Array<PayoutView>;
}

/** Issue invoices and payouts of `period`. With `until`, only what was posted before; the period stays open. */
export interface CloseRequest {
  /** A calendar month, UTC: 2026-11 (pattern: "^\\d{4}-(0[1-9]|1[0-2])$") */
  period: string;
  until?: string | null;
}

/**
 * One thing that is not what it should be.
 *
 * `kind`: `event_price`, `event_plan`, `rollup`, `journal`, `unbalanced`, `document`, `adjustment` or `counter`;
 * `id` names it.
 */
export interface DisagreementView {
  kind: string;
  id: string;
  expected: number;
  found: number;
  detail: string;
}

/** An invoice with its lines, whose amounts sum to its total. */
export interface InvoiceDetail {
  id: string;
  number: number;
  consumer_id: string;
  /** (default: "") */
  consumer?: string;
  currency: string;
  period: string;
  /** (format: "date-time") */
  issued_at: string;
  total_nanos: number;
  lines: Array<InvoiceLineView>;
}

/**
 * `usage` of a subscription in a month, its `monthly` fee, or one `adjustment`, which `adjustment_id` names.
 *
 * `is_adjustment`: an adjustment, or of a month invoiced before.
 */
export interface InvoiceLineView {
  item: string;
  month: string;
  is_adjustment: boolean;
  service_id: string;
  /** (default: "") */
  service?: string;
  plan_id: string;
  /** (default: "") */
  plan?: string;
  subscription_id: string;
  calls: number;
  tokens_in: number;
  tokens_out: number;
  included: number;
  amount_nanos: number;
  adjustment_id: string | null;
}

/** In the order they were issued; ask on with `after` set to `next`. */
export interface InvoicePage {
  items: Array<InvoiceView>;
  next: string | null;
}

/** What a consumer owes for a period. */
export interface InvoiceView {
  id: string;
  number: number;
  consumer_id: string;
  /** (default: "") */
  consumer?: string;
  currency: string;
  period: string;
  /** (format: "date-time") */
  issued_at: string;
  total_nanos: number;
}

/** A payout with its lines, which sum to it. */
export interface PayoutDetail {
  id: string;
  number: number;
  vendor_id: string;
  /** (default: "") */
  vendor?: string;
  currency: string;
  period: string;
  /** (format: "date-time") */
  issued_at: string;
  gross_nanos: number;
  fee_nanos: number;
  net_nanos: number;
  lines: Array<PayoutLineView>;
}

/** A service's part in one month, or one adjustment, which `adjustment_id` names. */
export interface PayoutLineView {
  month: string;
  is_adjustment: boolean;
  service_id: string;
  /** (default: "") */
  service?: string;
  calls: number;
  gross_nanos: number;
  fee_nanos: number;
  net_nanos: number;
  adjustment_id: string | null;
}

/** In the order they were issued; ask on with `after` set to `next`. */
export interface PayoutPage {
  items: Array<PayoutView>;
  next: string | null;
}

/** What a vendor earned in a period: `net` is `gross` less the marketplace's `fee`. */
export interface PayoutView {
  id: string;
  number: number;
  vendor_id: string;
  /** (default: "") */
  vendor?: string;
  currency: string;
  period: string;
  /** (format: "date-time") */
  issued_at: string;
  gross_nanos: number;
  fee_nanos: number;
  net_nanos: number;
}

/** Where events and ledger disagree. */
export interface ReconciliationDifference {
  /** (format: "date") */
  day: string;
  consumer_id: string;
  vendor_id: string;
  service_id: string;
  currency: string;
  event_calls: number;
  posted_calls: number;
  event_nanos: number;
  posted_nanos: number;
}

/** What a consumer owes a vendor for a service, every call priced anew; adjustments stand beside it. */
export interface ReconciliationTotal {
  consumer_id: string;
  vendor_id: string;
  service_id: string;
  currency: string;
  calls: number;
  tokens_in: number;
  tokens_out: number;
  nanos: number;
  adjusted_nanos: number;
}

/**
 * A period recomputed from its events: `digest` is the same whoever computes it.
 *
 * Where all is well there are no `differences` (between events and ledger) and no `disagreements`.
 */
export interface ReconciliationView {
  /** (format: "date") */
  since: string;
  /** (format: "date") */
  until: string;
  calls: number;
  price_nanos: Record<string, number>;
  digest: string;
  totals: Array<ReconciliationTotal>;
  differences: Array<ReconciliationDifference>;
  disagreements: Array<DisagreementView>;
}

/** Every account. `sums` by currency are zero, or the ledger is broken. */
export interface TrialBalanceView {
  accounts: Array<AccountView>;
  sums: Record<string, number>;
}

