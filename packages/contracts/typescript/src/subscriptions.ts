// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What subscriptions receive and answer under `/api`. */

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

