// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** `service.yaml`: what a vendor writes to list a service. */

/**
 * How a new release is tried on a share of the calls, and what decides.
 *
 * Judged once `min_calls` calls of the canary and of the stable release were metered since its start. It is rolled
 * back where its error rate (answers of 500 and above) lies more than `max_error_points` hundredths of a percent above
 * the stable release's, or where its p95 (time to the first byte) is more than `max_p95_percent` percent of the stable
 * release's. Else it is promoted, `min_minutes` after its start at the earliest.
 */
export interface CanaryTerms {
  /** (minimum: 1, maximum: 99, default: 10) */
  percent?: number;
  /** (minimum: 10, maximum: 1000000, default: 100) */
  min_calls?: number;
  /** (minimum: 0, maximum: 10080, default: 10) */
  min_minutes?: number;
  /** (minimum: 0, maximum: 10000, default: 100) */
  max_error_points?: number;
  /** (minimum: 100, maximum: 10000, default: 150) */
  max_p95_percent?: number;
}

/** Where the release runs. For `openai` and `anthropic` the base that ends in `/v1`; else the server's root. */
export interface Endpoint {
  /** (minLength: 1, format: "uri") */
  url: string;
  /** The model name that the server itself expects in `model` */
  model?: string | null;
  /** (minimum: 1, maximum: 600, default: 60) */
  timeout_seconds?: number;
  /** When the client leaves a stream: read it to its end, or stop it (default: "abort") */
  on_disconnect?: "drain" | "abort";
  /** Asked with GET where there are several deployments: below 400 is well. Without it a connection is */
  health_path?: string | null;
  /** What the server itself bears, all callers together: 60 requests a minute where nothing is said. A list takes the place of that, an empty one sets no limit (maxItems: 8, default: [{"unit": "requests", "per": "minute", "amount": 60, "burst": null}]) */
  limits?: Array<RateLimit>;
  /** The vendor's own secret that calls of the endpoint present */
  credential?: EndpointCredential | null;
}

/** What the endpoint asks its callers for: `header: prefix + secret`, with a secret that the vendor stored. */
export interface EndpointCredential {
  /** The header field that carries it, such as `Authorization` or `X-Api-Key` (pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$") */
  header: string;
  /** What stands before the secret, with its blank: `Bearer ` (pattern: "^[!-~][ -~]{0,31}$|^$", default: "") */
  prefix?: string;
  /** The name that the secret was stored under; never the secret itself (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  secret: string;
}

/** What a month of the plan covers before its prices apply. */
export interface Included {
  unit: "requests" | "tokens";
  /** (minimum: 0, maximum: 9000000000000000000) */
  amount: number;
  /** Whether calls go on at the plan's prices once it is used up (default: true) */
  overage?: boolean;
}

/** A limit of a plan. With `across` `plan` all subscriptions of the plan share it. */
export interface PlanLimit {
  unit: "requests" | "tokens" | "concurrent";
  /** Needed for requests and tokens; `concurrent` counts at every moment: `ever` (default: "ever") */
  per?: "second" | "minute" | "day" | "month" | "ever";
  /** (minimum: 1, maximum: 1000000000000000) */
  amount: number;
  /** Bucket size for second and minute; `amount` when not given */
  burst?: number | null;
  /** (default: "subscription") */
  across?: "subscription" | "plan";
}

/** One way to buy the service: free, per call, per thousand tokens, or monthly with a quota and overage. */
export interface PlanManifest {
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  /** (maxLength: 80, default: "") */
  title?: string;
  /** (default: "USD") */
  currency?: "USD" | "EUR";
  /** (default: {"monthly": 0, "per_call": 0, "per_1k_input_tokens": 0, "per_1k_output_tokens": 0}) */
  price?: Price;
  included?: Included | null;
  /** (maxItems: 8, default: []) */
  limits?: Array<PlanLimit>;
  /** Services (`vendor/name`, perhaps with a range) that take a call when no deployment of this one can and nothing was answered yet; for consumers who subscribe to them too, at their plan of those (maxItems: 4, default: []) */
  fallbacks?: Array<string>;
}

/** What a plan costs, in its currency; decimals as text or number, never finer than a nano-unit (nine decimals). */
export interface Price {
  /** A decimal amount of the plan's currency, such as 0.0002 (default: 0) */
  monthly?: number | string;
  /** A decimal amount of the plan's currency, such as 0.0002 (default: 0) */
  per_call?: number | string;
  /** A decimal amount of the plan's currency, such as 0.0002 (default: 0) */
  per_1k_input_tokens?: number | string;
  /** A decimal amount of the plan's currency, such as 0.0002 (default: 0) */
  per_1k_output_tokens?: number | string;
}

/**
 * At most `amount` requests or tokens in each second or minute (token bucket), day or month (quota); or at most
 * `amount` calls at once (`concurrent`, which has no `per`).
 */
export interface RateLimit {
  unit: "requests" | "tokens" | "concurrent";
  /** Needed for requests and tokens; `concurrent` counts at every moment: `ever` (default: "ever") */
  per?: "second" | "minute" | "day" | "month" | "ever";
  /** (minimum: 1, maximum: 1000000000000000) */
  amount: number;
  /** Bucket size for second and minute; `amount` when not given */
  burst?: number | null;
}

/** What the vendor promises of the service, over any 30 days; what was measured stands beside it. */
export interface ServiceLevelPromise {
  /** Calls of ten thousand that do not fail: 9990 is 99.9 % */
  availability_bp?: number | null;
  /** What 95 of 100 answers do not pass; of a stream, until its first byte */
  p95_latency_ms?: number | null;
}

/** The whole of `service.yaml`, format 1. */
export interface ServiceManifest {
  /** The version of this format */
  mercato: 1;
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  /** (maxLength: 64, pattern: "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$") */
  version: string;
  /** (minLength: 3, maxLength: 80) */
  title: string;
  /** (minLength: 10, maxLength: 200) */
  summary: string;
  /** (maxLength: 20000, default: "") */
  description?: string;
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  task: "embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other";
  /** Path of the OpenAPI document, relative to the manifest */
  openapi?: string | null;
  /** (default: "published") */
  paths?: "published" | "any";
  endpoint: Endpoint;
  /** (minItems: 1, maxItems: 20) */
  plans: Array<PlanManifest>;
  /** (maxItems: 20, default: []) */
  tags?: Array<string>;
  /** An SPDX expression, or `proprietary` (minLength: 2, maxLength: 64, pattern: "^[A-Za-z0-9.+() -]+$") */
  licence: string;
  /** (minItems: 1, default: ["text"]) */
  modalities?: Array<"text" | "image" | "audio" | "video" | "vectors" | "tabular">;
  context_window?: number | null;
  /** (maxItems: 50, default: []) */
  regions?: Array<string>;
  /** Let this version begin as a canary, where an older live one is there to compare with */
  canary?: CanaryTerms | null;
  sla?: ServiceLevelPromise | null;
}

