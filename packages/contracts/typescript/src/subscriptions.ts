// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What subscriptions receive and answer under `/api`. */

/** Change to the plan with this id, of the same service. */
export interface ChangePlanRequest {
  /** (minLength: 1, maxLength: 64) */
  plan_id: string;
}

/**
 * What a change of plan costs; nothing is changed by asking.
 *
 * The fee of the present plan is owed for the whole month and is not given back. `calls` and tokens are your
 * organisation's own since `since`.
 */
export interface PlanChangePreview {
  subscription_id: string;
  service: string;
  present: PlanCostView;
  wanted: PlanCostView;
  /** (format: "date-time") */
  next_at: string;
  /** (format: "date-time") */
  since: string;
  calls: number;
  tokens_in: number;
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
  plan_id: string;
  plan: string;
  currency: string;
  charged_nanos: number;
  due_nanos: number;
  next_nanos: number;
  usage_nanos: number;
  refused_units: number;
  included_unit: "requests" | "tokens" | null;
  included: number;
}

/** Subscribe to the plan with this id; a service's page lists its open plans. */
export interface SubscribeRequest {
  /** (minLength: 1, maxLength: 64) */
  plan_id: string;
}

/** In the order they were made; ask on with `after` set to `next`. */
export interface SubscriptionPage {
  items: Array<SubscriptionView>;
  next: string | null;
}

/** A consumer's right to call a service under a plan; `service` and `plan` are their names. */
export interface SubscriptionView {
  id: string;
  consumer_id: string;
  vendor_id: string;
  service_id: string;
  /** (default: "") */
  service?: string;
  plan_id: string;
  /** (default: "") */
  plan?: string;
  status: "active" | "cancelled";
  /** (format: "date-time") */
  created_at: string;
  /** (format: "date-time") */
  active_since: string;
  cancelled_at: string | null;
}

