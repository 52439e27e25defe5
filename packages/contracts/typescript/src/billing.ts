// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What billing receives and answers under `/api`. Money is in whole nano-units, never rounded. */

/** An account of the ledger; a positive balance is debit: the organisation owes. */
export interface AccountView {
  /** The account's id, such as `consumer:org_…:USD` or `revenue:USD` */
  id: string;
  /** Whose account: `consumer`, `vendor` or `revenue` */
  kind: string;
  /** The id of the organisation; null for the marketplace's own account */
  organisation_id: string | null;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** Balance in nano-units; positive is debit: the organisation owes */
  balance_nanos: number;
}

/** In the order they were posted; ask on with `after` set to `next`. */
export interface AdjustmentPage {
  /** The adjustments of this page, in the order of posting */
  items: Array<AdjustmentView>;
  /** The cursor of the next page; null on the last page */
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
  /** Your own name for it, 1 to 100 characters; repeating it posts nothing twice (minLength: 1, maxLength: 100) */
  reference: string;
  /** `credit` gives back, `charge` asks for more (default: "credit") */
  direction?: "credit" | "charge";
  /** Why, 3 to 500 characters; the other party reads it (minLength: 3, maxLength: 500) */
  reason: string;
  /** The usage event to correct, `use_…`; or name a subscription and its days */
  event_id?: string | null;
  /** The subscription to correct, `sub_…`, together with `since` and `until` */
  subscription_id?: string | null;
  /** The first day to correct, UTC */
  since?: string | null;
  /** The day after the last one to correct, UTC */
  until?: string | null;
  /** Calls to correct (minimum: 0, maximum: 9000000000000000000, default: 0) */
  requests?: number;
  /** Input tokens to correct (minimum: 0, maximum: 9000000000000000000, default: 0) */
  tokens_in?: number;
  /** Output tokens to correct (minimum: 0, maximum: 9000000000000000000, default: 0) */
  tokens_out?: number;
  /** The amount in nano-units, instead of units priced by the plan */
  nanos?: number | null;
}

/** A posted correction. Units and money are negative in a credit; `fee_nanos` is the marketplace's part of it. */
export interface AdjustmentView {
  /** The adjustment's id, `adj_…` */
  id: string;
  /** When it was posted, UTC (format: "date-time") */
  at: string;
  /** The name that its author gave it */
  reference: string;
  /** Why it was posted */
  reason: string;
  /** The usage event that it corrects; null where it corrects days */
  event_id: string | null;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The subscription's id, `sub_…` */
  subscription_id: string;
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** The first day that it corrects, UTC (format: "date") */
  since: string;
  /** The day after the last one that it corrects, UTC (format: "date") */
  until: string;
  /** Calls; negative in a credit */
  requests: number;
  /** Input tokens; negative in a credit */
  tokens_in: number;
  /** Output tokens; negative in a credit */
  tokens_out: number;
  /** The amount in nano-units; negative in a credit */
  nanos: number;
  /** The marketplace's part of the amount, in nano-units */
  fee_nanos: number;
}

/** What was issued. `is_complete`: the period is closed; what comes later is an adjustment on the next invoice. */
export interface CloseAnswer {
  /** The calendar month, UTC: 2026-11 */
  period: string;
  /** Whether the period is closed */
  is_complete: boolean;
  /** The invoices that were issued */
  invoices: Array<InvoiceView>;
  /** The payouts that were issued */
  payouts: Array<PayoutView>;
}

/** Issue invoices and payouts of `period`. With `until`, only what was posted before; the period stays open. */
export interface CloseRequest {
  /** A calendar month, UTC: 2026-11 (pattern: "^\\d{4}-(0[1-9]|1[0-2])$") */
  period: string;
  /** Bill only what was posted before this time; the period then stays open */
  until?: string | null;
}

/**
 * One thing that is not what it should be.
 *
 * `kind`: `event_price`, `event_plan`, `rollup`, `journal`, `unbalanced`, `document`, `adjustment` or `counter`;
 * `id` names it.
 */
export interface DisagreementView {
  /** What disagrees */
  kind: string;
  /** The id of what disagrees: an event, a journal entry, a document or a counter */
  id: string;
  /** The figure that was computed anew, in the unit of what disagrees */
  expected: number;
  /** The figure that is stored, in the same unit */
  found: number;
  /** What disagrees, in one sentence */
  detail: string;
}

/** An invoice with its lines, whose amounts sum to its total. */
export interface InvoiceDetail {
  /** The invoice's id, `inv_…` */
  id: string;
  /** The invoice's number, counted from 1 without gaps */
  number: number;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The consumer's short name; empty when it is not known (default: "") */
  consumer?: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** The calendar month, UTC: 2026-11 */
  period: string;
  /** When it was issued, UTC (format: "date-time") */
  issued_at: string;
  /** The sum of its lines in nano-units */
  total_nanos: number;
  /** The invoice's lines, which sum to the total */
  lines: Array<InvoiceLineView>;
}

/**
 * `usage` of a subscription in a month, its `monthly` fee, or one `adjustment`, which `adjustment_id` names.
 *
 * `is_adjustment`: an adjustment, or of a month invoiced before.
 */
export interface InvoiceLineView {
  /** What the line charges: `usage`, `monthly` or `adjustment` */
  item: string;
  /** The calendar month of the usage, UTC: 2026-11 */
  month: string;
  /** Whether it corrects, or belongs to a month invoiced before */
  is_adjustment: boolean;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The service, `vendor/name`; empty when it is not known (default: "") */
  service?: string;
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The plan's name; empty when it is not known (default: "") */
  plan?: string;
  /** The subscription's id, `sub_…` */
  subscription_id: string;
  /** How many calls */
  calls: number;
  /** Input tokens of those calls */
  tokens_in: number;
  /** Output tokens of those calls */
  tokens_out: number;
  /** Units that the plan covered: calls or tokens */
  included: number;
  /** The line's amount in nano-units; negative is a credit */
  amount_nanos: number;
  /** The adjustment that the line posts; null for other lines */
  adjustment_id: string | null;
}

/** In the order they were issued; ask on with `after` set to `next`. */
export interface InvoicePage {
  /** The invoices of this page, in the order of issue */
  items: Array<InvoiceView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** What a consumer owes for a period. */
export interface InvoiceView {
  /** The invoice's id, `inv_…` */
  id: string;
  /** The invoice's number, counted from 1 without gaps */
  number: number;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The consumer's short name; empty when it is not known (default: "") */
  consumer?: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** The calendar month, UTC: 2026-11 */
  period: string;
  /** When it was issued, UTC (format: "date-time") */
  issued_at: string;
  /** The sum of its lines in nano-units */
  total_nanos: number;
}

/** A payout with its lines, which sum to it. */
export interface PayoutDetail {
  /** The payout's id, `pay_…` */
  id: string;
  /** The payout's number, counted from 1 without gaps */
  number: number;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The vendor's short name; empty when it is not known (default: "") */
  vendor?: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** The calendar month, UTC: 2026-11 */
  period: string;
  /** When it was issued, UTC (format: "date-time") */
  issued_at: string;
  /** What consumers were charged, in nano-units */
  gross_nanos: number;
  /** The marketplace's fee, in nano-units */
  fee_nanos: number;
  /** What the vendor gets: gross less fee, in nano-units */
  net_nanos: number;
  /** The payout's lines, which sum to it */
  lines: Array<PayoutLineView>;
}

/** A service's part in one month, or one adjustment, which `adjustment_id` names. */
export interface PayoutLineView {
  /** The calendar month of the usage, UTC: 2026-11 */
  month: string;
  /** Whether it corrects, or belongs to a month paid before */
  is_adjustment: boolean;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The service, `vendor/name`; empty when it is not known (default: "") */
  service?: string;
  /** How many calls */
  calls: number;
  /** What consumers were charged, in nano-units */
  gross_nanos: number;
  /** The marketplace's fee, in nano-units */
  fee_nanos: number;
  /** What the vendor gets: gross less fee, in nano-units */
  net_nanos: number;
  /** The adjustment that the line posts; null for other lines */
  adjustment_id: string | null;
}

/** In the order they were issued; ask on with `after` set to `next`. */
export interface PayoutPage {
  /** The payouts of this page, in the order of issue */
  items: Array<PayoutView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** What a vendor earned in a period: `net` is `gross` less the marketplace's `fee`. */
export interface PayoutView {
  /** The payout's id, `pay_…` */
  id: string;
  /** The payout's number, counted from 1 without gaps */
  number: number;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The vendor's short name; empty when it is not known (default: "") */
  vendor?: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** The calendar month, UTC: 2026-11 */
  period: string;
  /** When it was issued, UTC (format: "date-time") */
  issued_at: string;
  /** What consumers were charged, in nano-units */
  gross_nanos: number;
  /** The marketplace's fee, in nano-units */
  fee_nanos: number;
  /** What the vendor gets: gross less fee, in nano-units */
  net_nanos: number;
}

/** Where events and ledger disagree. */
export interface ReconciliationDifference {
  /** The day on which they disagree, UTC (format: "date") */
  day: string;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** Calls that the usage events count */
  event_calls: number;
  /** Calls that the ledger's postings count */
  posted_calls: number;
  /** The price of the usage events, in nano-units */
  event_nanos: number;
  /** The amount of the ledger's postings, in nano-units */
  posted_nanos: number;
}

/** What a consumer owes a vendor for a service, every call priced anew; adjustments stand beside it. */
export interface ReconciliationTotal {
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** How many calls */
  calls: number;
  /** Input tokens of those calls */
  tokens_in: number;
  /** Output tokens of those calls */
  tokens_out: number;
  /** The price of all calls, computed anew, in nano-units */
  nanos: number;
  /** Adjustments in nano-units; negative is a credit */
  adjusted_nanos: number;
}

/**
 * A period recomputed from its events: `digest` is the same whoever computes it.
 *
 * Where all is well there are no `differences` (between events and ledger) and no `disagreements`.
 */
export interface ReconciliationView {
  /** The first day, UTC (format: "date") */
  since: string;
  /** The day after the last one, UTC (format: "date") */
  until: string;
  /** How many calls */
  calls: number;
  /** The price of all calls by currency, in nano-units */
  price_nanos: Record<string, number>;
  /** SHA-256 of the totals, the same whoever computes it */
  digest: string;
  /** The totals by consumer, vendor, service and currency */
  totals: Array<ReconciliationTotal>;
  /** Where events and ledger disagree; empty when all is well */
  differences: Array<ReconciliationDifference>;
  /** What else is not as it should be; empty when all is well */
  disagreements: Array<DisagreementView>;
}

/** Every account. `sums` by currency are zero, or the ledger is broken. */
export interface TrialBalanceView {
  /** Every account of the ledger */
  accounts: Array<AccountView>;
  /** The sum of all balances by currency, in nano-units: zero, or the ledger is broken */
  sums: Record<string, number>;
}

