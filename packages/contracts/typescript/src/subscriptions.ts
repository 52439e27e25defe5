// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What subscriptions receive and answer under `/api`. */

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

