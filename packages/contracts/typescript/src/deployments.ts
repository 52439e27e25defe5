// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Deployments: the tokens that they show, the heartbeats that they send, what is known of them. */

/** The deployments of an organisation. */
export interface DeploymentList {
  items: Array<DeploymentView>;
}

/** Some tokens; `next` is the `after` of the next page. */
export interface DeploymentTokenPage {
  items: Array<DeploymentTokenView>;
  next: string | null;
}

/** A deployment's token without its secret. */
export interface DeploymentTokenView {
  id: string;
  deployment_id: string;
  /** The vendor key that it was exchanged for, and with which it ends */
  subject_key_id: string;
  scopes: Array<string>;
  /** (format: "date-time") */
  created_at: string;
  /** (format: "date-time") */
  expires_at: string;
  revoked_at: string | null;
}

/** A running endpoint of a release. */
export interface DeploymentView {
  id: string;
  /** `vendor/name` */
  service: string;
  version: string;
  release_status: "live" | "deprecated" | "yanked";
  url: string;
  /** (format: "date-time") */
  created_at: string;
  /** Whether calls are routed to it: its release is not yanked and nobody holds it */
  routed: boolean;
  holds: Array<HoldView>;
  link: LinkView | null;
}

/** A deployment lives. Sent to `POST /api/heartbeats`, signed over the exact bytes of the body. */
export interface Heartbeat {
  /** (default: "heartbeat/1") */
  contract?: "heartbeat/1";
  /** (maxLength: 64) */
  deployment: string;
  /** Higher than the last one's, for instance the time in milliseconds (minimum: 1, maximum: 9000000000000000000) */
  sequence: number;
  /** Now; a minute apart at most (format: "date-time") */
  sent_at: string;
  /** (default: {"status": "ok", "version": null, "calls": null, "errors": null, "p95_ms": null, "memory_mib": null}) */
  figures?: HeartbeatFigures;
}

/** What a deployment says of itself; all of it may be left out. */
export interface HeartbeatFigures {
  /** (default: "ok") */
  status?: "ok" | "degraded";
  /** Of its code */
  version?: string | null;
  /** Answered since the last heartbeat */
  calls?: number | null;
  /** Failed since the last heartbeat */
  errors?: number | null;
  p95_ms?: number | null;
  memory_mib?: number | null;
}

/** The heartbeat was taken: the next one is due by `due_at`, or the deployment is held out of routing. */
export interface HeartbeatReceipt {
  deployment: string;
  sequence: number;
  /** (format: "date-time") */
  heard_at: string;
  /** (format: "date-time") */
  due_at: string;
}

/** Who keeps a deployment out of routing, and why. */
export interface HoldView {
  by: string;
  reason: string;
  /** (format: "date-time") */
  since: string;
}

/** The key that a deployment signs with, and how often it says that it lives. */
export interface LinkRequest {
  /** Ed25519, its 32 bytes in base64 (maxLength: 64) */
  public_key: string;
  /** (minimum: 1, maximum: 3600, default: 30) */
  interval_seconds?: number;
}

/** What a linked deployment says of itself. */
export interface LinkView {
  public_key: string;
  interval_seconds: number;
  state: "linked" | "live" | "stale";
  /** (format: "date-time") */
  due_at: string;
  heard_at: string | null;
  sequence: number;
  figures: HeartbeatFigures;
  /** (format: "date-time") */
  linked_at: string;
}

/** A token as RFC 8693, section 2.2.1, answers it; shown this once. */
export interface TokenAnswer {
  access_token: string;
  /** (default: "urn:ietf:params:oauth:token-type:access_token") */
  issued_token_type?: "urn:ietf:params:oauth:token-type:access_token";
  /** (default: "Bearer") */
  token_type?: "Bearer";
  /** Seconds from now until it ends, or its key does */
  expires_in: number;
  /** What it may do, separated by spaces */
  scope: string;
  /** What it is listed and revoked by */
  token_id: string;
}

