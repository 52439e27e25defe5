// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * Webhooks under `/api/webhooks`, signed as Standard Webhooks 1.0.0.
 *
 * Each request carries `webhook-id` (the same at every attempt), `webhook-timestamp` (seconds) and `webhook-signature`
 * (`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, one for each secret in force).
 */

/** The endpoint with its newest secret, `whsec_…`, which is shown this once. */
export interface NewWebhookAnswer {
  /** The endpoint's id, `whk_…` */
  id: string;
  /** Where messages are sent */
  url: string;
  /** Which events; every kind when empty */
  event_types: Array<string>;
  /** What it is for */
  description: string;
  /** The id of who added it */
  created_by: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** Since when nothing was delivered, UTC; null while it works */
  failing_since: string | null;
  /** When it was switched off, UTC; null while messages are sent */
  disabled_at: string | null;
  /** Why it was switched off; empty while messages are sent */
  disabled_reason: string;
  /** The secret that signs, `whsec_…`; shown this once */
  secret: string;
}

/** How long the secrets before this one sign beside it. */
export interface RotateWebhookRequest {
  /** Seconds that the earlier secrets sign as well, at most a week (minimum: 0, maximum: 604800, default: 86400) */
  grace_seconds?: number;
}

/** One request: the status that came back, or why none did. */
export interface WebhookAttemptView {
  /** When it was sent, UTC (format: "date-time") */
  at: string;
  /** The HTTP status that came back; null: none did */
  status: number | null;
  /** Why no status came back; empty: one did */
  error: string;
  /** How long it took, in milliseconds */
  took_ms: number;
}

/** What is left out stays as it is. `enabled` true also sends to an endpoint again that was given up. */
export interface WebhookChange {
  /** Where messages are sent, 8 to 2,000 characters; unchanged when left out */
  url?: string | null;
  /** Which events; unchanged when left out, every kind when empty */
  event_types?: Array<string> | null;
  /** Whether messages are sent; unchanged when left out */
  enabled?: boolean | null;
}

/** The newest first; ask on with `before` set to `next`. */
export interface WebhookDeliveryPage {
  /** The deliveries of this page, newest first */
  items: Array<WebhookDeliveryView>;
  /** Pass it as `before` for the next page; null on the last page */
  next: string | null;
}

/** A message to an endpoint, and every attempt, oldest first. `message_id` is the `webhook-id`. */
export interface WebhookDeliveryView {
  /** The delivery's id, `dlv_…` */
  id: string;
  /** The message's id, `msg_…`; the same at every attempt */
  message_id: string;
  /** The type of event */
  event_type: string;
  /** What is sent as the body */
  payload: Record<string, unknown>;
  /** Where the delivery stands */
  state: "pending" | "delivered" | "failed";
  /** When the next attempt is due, UTC; null: none is */
  next_at: string | null;
  /** When it was delivered or given up, UTC; null while it is pending */
  ended_at: string | null;
  /** Every attempt, oldest first */
  attempts: Array<WebhookAttemptView>;
}

/** All of the organisation's, and the types of events that there are. */
export interface WebhookList {
  /** The organisation's endpoints */
  items: Array<WebhookView>;
  /** Every type of event that there is */
  event_types: Array<string>;
}

/** Send these events to `url`. */
export interface WebhookRequest {
  /** Where messages are sent, 8 to 2,000 characters (minLength: 8, maxLength: 2000) */
  url: string;
  /** Which events; every kind where the list is empty (maxItems: 32, default: []) */
  event_types?: Array<string>;
  /** What it is for, at most 200 characters (maxLength: 200, default: "") */
  description?: string;
}

/** An endpoint. `failing_since`: nothing was delivered since; `disabled_reason` says why nothing is sent. */
export interface WebhookView {
  /** The endpoint's id, `whk_…` */
  id: string;
  /** Where messages are sent */
  url: string;
  /** Which events; every kind when empty */
  event_types: Array<string>;
  /** What it is for */
  description: string;
  /** The id of who added it */
  created_by: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** Since when nothing was delivered, UTC; null while it works */
  failing_since: string | null;
  /** When it was switched off, UTC; null while messages are sent */
  disabled_at: string | null;
  /** Why it was switched off; empty while messages are sent */
  disabled_reason: string;
}

