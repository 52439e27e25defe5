// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What subscriptions receive and answer under `/api`. */

/** Change to the plan with this id, of the same service. */
export interface ChangePlanRequest {
  /** The plan to change to, `pln_…` (minLength: 1, maxLength: 64) */
  plan_id: string;
}

/**
 * What a change of plan costs; nothing is changed by asking.
 *
 * The fee of the present plan is owed for the whole month and is not given back. `calls` and tokens are your
 * organisation's own since `since`.
 */
export interface PlanChangePreview {
  /** The subscription's id, `sub_…` */
  subscription_id: string;
  /** The service, `vendor/name` */
  service: string;
  /** The plan as it is */
  present: PlanCostView;
  /** The plan to change to */
  wanted: PlanCostView;
  /** When the next month begins, UTC (format: "date-time") */
  next_at: string;
  /** The start of the workload that was read, UTC (format: "date-time") */
  since: string;
  /** How many calls */
  calls: number;
  /** Input tokens of those calls */
  tokens_in: number;
  /** Output tokens of those calls */
  tokens_out: number;
}

/**
 * One of two plans between which somebody chooses.
 *
 * `charged_nanos` is this month's fee where it is charged already, `due_nanos` what the change adds to it at once, and
 * `next_nanos` the fee at the beginning of the next month. `usage_nanos` is the price of the workload under this plan,
 * its fee included; `refused_units` of it are beyond what the plan serves.
 */
export interface PlanCostView {
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The plan's name */
  plan: string;
  /** The currency of the amounts: an ISO 4217 code, such as `USD` */
  currency: string;
  /** This month's fee where it is charged already, in nano-units */
  charged_nanos: number;
  /** What the change adds to it at once, in nano-units */
  due_nanos: number;
  /** The fee at the beginning of the next month, in nano-units */
  next_nanos: number;
  /** What the workload costs under this plan, its fee included, in nano-units */
  usage_nanos: number;
  /** Units of the workload that the plan would refuse */
  refused_units: number;
  /** What the plan includes each month; null where it includes nothing */
  included_unit: "requests" | "tokens" | null;
  /** How many of that unit a month */
  included: number;
}

/** Subscribe to the plan with this id; a service's page lists its open plans. */
export interface SubscribeRequest {
  /** The plan to take, `pln_…` (minLength: 1, maxLength: 64) */
  plan_id: string;
}

/** In the order they were made; ask on with `after` set to `next`. */
export interface SubscriptionPage {
  /** The subscriptions of this page, in the order they were made */
  items: Array<SubscriptionView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A consumer's right to call a service under a plan; `service` and `plan` are their names. */
export interface SubscriptionView {
  /** The subscription's id, `sub_…` */
  id: string;
  /** The id of the organisation that calls and pays, `org_…` */
  consumer_id: string;
  /** The id of the organisation that offers the service, `org_…` */
  vendor_id: string;
  /** The service's id, `svc_…` */
  service_id: string;
  /** The service, `vendor/name`; empty when it is not known (default: "") */
  service?: string;
  /** The plan's id, `pln_…` */
  plan_id: string;
  /** The plan's name; empty when it is not known (default: "") */
  plan?: string;
  /** Whether calls may be made */
  status: "active" | "cancelled";
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** Since when it is active, UTC; later than `created_at` when it was renewed (format: "date-time") */
  active_since: string;
  /** When it was cancelled, UTC; null while it is active */
  cancelled_at: string | null;
}

