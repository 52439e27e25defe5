// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * Webhooks under `/api/webhooks`, signed as Standard Webhooks 1.0.0.
 *
 * Each request carries `webhook-id` (the same at every attempt), `webhook-timestamp` (seconds) and `webhook-signature`
 * (`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, one for each secret in force).
 */

/** The endpoint with its newest secret, `whsec_…`, which is shown this once. */
export interface NewWebhookAnswer {
  id: string;
  url: string;
  event_types: Array<string>;
  description: string;
  created_by: string;
  /** (format: "date-time") */
  created_at: string;
  failing_since: string | null;
  disabled_at: string | null;
  disabled_reason: string;
  secret: string;
}

/** How long the secrets before this one sign beside it. */
export interface RotateWebhookRequest {
  /** (minimum: 0, maximum: 604800, default: 86400) */
  grace_seconds?: number;
}

/** One request: the status that came back, or why none did. */
export interface WebhookAttemptView {
  /** (format: "date-time") */
  at: string;
  status: number | null;
  error: string;
  took_ms: number;
}

/** What is left out stays as it is. `enabled` true also sends to an endpoint again that was given up. */
export interface WebhookChange {
  url?: string | null;
  event_types?: Array<string> | null;
  enabled?: boolean | null;
}

/** The newest first; ask on with `before` set to `next`. */
export interface WebhookDeliveryPage {
  items: Array<WebhookDeliveryView>;
  next: string | null;
}

/** A message to an endpoint, and every attempt, oldest first. `message_id` is the `webhook-id`. */
export interface WebhookDeliveryView {
  id: string;
  message_id: string;
  event_type: string;
  payload: Record<string, unknown>;
  state: "pending" | "delivered" | "failed";
  next_at: string | null;
  ended_at: string | null;
  attempts: Array<WebhookAttemptView>;
}

/** All of the organisation's, and the types of events that there are. */
export interface WebhookList {
  items: Array<WebhookView>;
  event_types: Array<string>;
}

/** Send these events to `url`. */
export interface WebhookRequest {
  /** (minLength: 8, maxLength: 2000) */
  url: string;
  /** Which events; every kind where the list is empty (maxItems: 32, default: []) */
  event_types?: Array<string>;
  /** (maxLength: 200, default: "") */
  description?: string;
}

/** An endpoint. `failing_since`: nothing was delivered since; `disabled_reason` says why nothing is sent. */
export interface WebhookView {
  id: string;
  url: string;
  event_types: Array<string>;
  description: string;
  created_by: string;
  /** (format: "date-time") */
  created_at: string;
  failing_since: string | null;
  disabled_at: string | null;
  disabled_reason: string;
}

