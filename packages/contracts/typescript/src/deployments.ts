// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Deployments: the tokens that they show, the heartbeats that they send, what is known of them. */

/** The deployments of an organisation. */
export interface DeploymentList {
  /** The deployments of the organisation */
  items: Array<DeploymentView>;
}

/** Some tokens; `next` is the `after` of the next page. */
export interface DeploymentTokenPage {
  /** The tokens of this page */
  items: Array<DeploymentTokenView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A deployment's token without its secret. */
export interface DeploymentTokenView {
  /** The token's id, `key_…` */
  id: string;
  /** The deployment that it is for, `dep_…` */
  deployment_id: string;
  /** The vendor key that it was exchanged for, and with which it ends */
  subject_key_id: string;
  /** What it may do */
  scopes: Array<string>;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it expires, UTC (format: "date-time") */
  expires_at: string;
  /** When it was revoked, UTC; null while it is not */
  revoked_at: string | null;
}

/** A running endpoint of a release. */
export interface DeploymentView {
  /** The deployment's id, `dep_…` */
  id: string;
  /** `vendor/name` */
  service: string;
  /** The release that it runs */
  version: string;
  /** Whether that release is offered, discouraged, or taken back */
  release_status: "live" | "deprecated" | "yanked";
  /** The endpoint's base URL */
  url: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** Whether calls are routed to it: its release is not yanked and nobody holds it */
  routed: boolean;
  /** Who keeps it out of routing; empty: nobody */
  holds: Array<HoldView>;
  /** Its key and heartbeats; null until it is linked */
  link: LinkView | null;
}

/** A deployment lives. Sent to `POST /api/heartbeats`, signed over the exact bytes of the body. */
export interface Heartbeat {
  /** The name and version of this contract (default: "heartbeat/1") */
  contract?: "heartbeat/1";
  /** The deployment's id, `dep_…` (maxLength: 64) */
  deployment: string;
  /** Higher than the last one's, for instance the time in milliseconds (minimum: 1, maximum: 9000000000000000000) */
  sequence: number;
  /** Now; a minute apart at most (format: "date-time") */
  sent_at: string;
  /** What the deployment says of itself (default: {"status": "ok", "version": null, "calls": null, "errors": null, "p95_ms": null, "memory_mib": null}) */
  figures?: HeartbeatFigures;
}

/** What a deployment says of itself; all of it may be left out. */
export interface HeartbeatFigures {
  /** How the deployment judges itself (default: "ok") */
  status?: "ok" | "degraded";
  /** Of its code */
  version?: string | null;
  /** Answered since the last heartbeat */
  calls?: number | null;
  /** Failed since the last heartbeat */
  errors?: number | null;
  /** The latency that 95 of 100 answers stay within, in milliseconds */
  p95_ms?: number | null;
  /** Memory in use, in MiB */
  memory_mib?: number | null;
}

/** The heartbeat was taken: the next one is due by `due_at`, or the deployment is held out of routing. */
export interface HeartbeatReceipt {
  /** The deployment's id, `dep_…` */
  deployment: string;
  /** The sequence that was taken */
  sequence: number;
  /** When it was received, UTC (format: "date-time") */
  heard_at: string;
  /** When the next one is due, UTC (format: "date-time") */
  due_at: string;
}

/** Who keeps a deployment out of routing, and why. */
export interface HoldView {
  /** What holds it, such as `heartbeats` or a kill switch */
  by: string;
  /** Why it is held */
  reason: string;
  /** Since when, UTC (format: "date-time") */
  since: string;
}

/** The key that a deployment signs with, and how often it says that it lives. */
export interface LinkRequest {
  /** Ed25519, its 32 bytes in base64 (maxLength: 64) */
  public_key: string;
  /** Seconds between two heartbeats, 1 to 3,600 (minimum: 1, maximum: 3600, default: 30) */
  interval_seconds?: number;
}

/** What a linked deployment says of itself. */
export interface LinkView {
  /** The deployment's Ed25519 public key, base64 of 32 bytes */
  public_key: string;
  /** Seconds between two heartbeats */
  interval_seconds: number;
  /** `linked` before the first heartbeat, `stale` when one is overdue */
  state: "linked" | "live" | "stale";
  /** When the next heartbeat is due, UTC (format: "date-time") */
  due_at: string;
  /** When the last one was received, UTC; null before the first */
  heard_at: string | null;
  /** The sequence of the last one; 0 before the first */
  sequence: number;
  /** What the deployment says of itself */
  figures: HeartbeatFigures;
  /** When the key was linked, UTC (format: "date-time") */
  linked_at: string;
}

/** A token as RFC 8693, section 2.2.1, answers it; shown this once. */
export interface TokenAnswer {
  /** The token, `sit_…`; shown this once */
  access_token: string;
  /** The kind of token, as RFC 8693 names it (default: "urn:ietf:params:oauth:token-type:access_token") */
  issued_token_type?: "urn:ietf:params:oauth:token-type:access_token";
  /** How it is sent: `Authorization: Bearer …` (default: "Bearer") */
  token_type?: "Bearer";
  /** Seconds from now until it ends, or its key does */
  expires_in: number;
  /** What it may do, separated by spaces */
  scope: string;
  /** What it is listed and revoked by */
  token_id: string;
}

