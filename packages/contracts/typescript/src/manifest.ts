// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** `service.yaml`: what a vendor writes to list a service. */

/**
 * How a new release is tried on a share of the calls, and when it is promoted or rolled back.
 *
 * The canary is judged once both it and the stable release have `min_calls` metered calls since its start. It is
 * rolled back if its error rate (responses of 500 and above) or its p95 (time to the first byte) is over its limit.
 * Otherwise it is promoted, at least `min_minutes` after its start.
 */
export interface CanaryTerms {
  /** The canary's share of the calls (minimum: 1, maximum: 99, default: 10) */
  percent?: number;
  /** How many calls each of the two releases needs before the canary is judged (minimum: 10, maximum: 1000000, default: 100) */
  min_calls?: number;
  /** The earliest promotion, in minutes after the canary's start (minimum: 0, maximum: 10080, default: 10) */
  min_minutes?: number;
  /** How far its error rate may exceed the stable release's, in hundredths of a percent (minimum: 0, maximum: 10000, default: 100) */
  max_error_points?: number;
  /** The highest p95 that is accepted, in percent of the stable release's p95 (minimum: 100, maximum: 10000, default: 150) */
  max_p95_percent?: number;
}

/** Where the release runs. */
export interface Endpoint {
  /** Its address. For `openai` and `anthropic` the base that ends in `/v1`, otherwise the server's root; the paths of the OpenAPI document are added to it (minLength: 1, format: "uri") */
  url: string;
  /** The name that the server itself expects in the request's `model` */
  model?: string | null;
  /** How long the gateway waits for the response, and then for each further part of it (minimum: 1, maximum: 600, default: 60) */
  timeout_seconds?: number;
  /** When the client closes a stream early: `drain` reads it to its end, `abort` closes the connection (default: "abort") */
  on_disconnect?: "drain" | "abort";
  /** Path of a health check (GET), made when there are several deployments; a status below 400 is healthy. Without it, being able to connect is enough */
  health_path?: string | null;
  /** What the server can take, all callers together: 60 requests a minute if not given. A list replaces this default; an empty list sets no limit (maxItems: 8, default: [{"unit": "requests", "per": "minute", "amount": 60, "burst": null}]) */
  limits?: Array<RateLimit>;
  /** The vendor's own secret that the gateway adds to each call of the endpoint */
  credential?: EndpointCredential | null;
}

/** What the endpoint requires of its callers: `header: prefix + secret`, with a secret that the vendor stored. */
export interface EndpointCredential {
  /** The header field that carries it, such as `Authorization` or `X-Api-Key` (pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$") */
  header: string;
  /** The text before the secret, including its space: `Bearer ` (pattern: "^[!-~][ -~]{0,31}$|^$", default: "") */
  prefix?: string;
  /** The name that the secret was stored under; never the secret itself (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  secret: string;
}

/** What a month of the plan covers before its prices apply. */
export interface Included {
  /** What is counted; tokens are input and output together */
  unit: "requests" | "tokens";
  /** How many of them a calendar month includes (minimum: 0, maximum: 9000000000000000000) */
  amount: number;
  /** Whether calls continue at the plan's prices once the included units are used up (default: true) */
  overage?: boolean;
}

/** What a release was made from. It is published with the release. */
export interface Lineage {
  /** The training run of this marketplace whose model the release serves, `trn_…`; one of your own that succeeded */
  training_run?: string | null;
  /** The models it was made from: `vendor/name@version` of this marketplace, or the name or address of one elsewhere, without spaces (maxItems: 8, default: []) */
  parents?: Array<string>;
}

/** A limit of a plan. */
export interface PlanLimit {
  /** What is counted; `concurrent` is the number of calls in progress */
  unit: "requests" | "tokens" | "concurrent";
  /** The window. Required for requests and tokens; leave it out for `concurrent` (default: "ever") */
  per?: "second" | "minute" | "day" | "month" | "ever";
  /** The most that one window allows (minimum: 1, maximum: 1000000000000000) */
  amount: number;
  /** The size of the token bucket, for `second` and `minute` only; `amount` if not given */
  burst?: number | null;
  /** Whether each subscription has this limit or all of the plan share it (default: "subscription") */
  across?: "subscription" | "plan";
}

/** One way to buy the service: free, per call, per thousand tokens, or monthly with a quota and overage. */
export interface PlanManifest {
  /** The plan's name, unique within the service; a plan named `free` has no price (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  /** One line for people who choose a plan (maxLength: 80, default: "") */
  title?: string;
  /** The currency of all its prices (default: "USD") */
  currency?: "USD" | "EUR";
  /** What it costs; nothing if not given (default: {"monthly": 0, "per_call": 0, "per_1k_input_tokens": 0, "per_1k_output_tokens": 0}) */
  price?: Price;
  /** What a month includes before prices apply */
  included?: Included | null;
  /** Limits on calls made under this plan (maxItems: 8, default: []) */
  limits?: Array<PlanLimit>;
  /** Services (`vendor/name`, optionally with a range) that take a call when no deployment of this one can and no byte was sent to the client yet. Only for consumers who subscribe to them too; their plan there applies (maxItems: 4, default: []) */
  fallbacks?: Array<string>;
}

/** What a plan costs, in its currency; decimals as text or number, never finer than a nano-unit (nine decimals). */
export interface Price {
  /** The fee of each month, whether or not calls are made (default: 0) */
  monthly?: number | string;
  /** The price of each call (default: 0) */
  per_call?: number | string;
  /** The price of 1,000 input tokens (default: 0) */
  per_1k_input_tokens?: number | string;
  /** The price of 1,000 output tokens (default: 0) */
  per_1k_output_tokens?: number | string;
}

/**
 * At most `amount` requests or tokens in each second or minute (token bucket), day or month (quota); or at most
 * `amount` calls at once (`concurrent`, which has no `per`).
 */
export interface RateLimit {
  /** What is counted; `concurrent` is the number of calls in progress */
  unit: "requests" | "tokens" | "concurrent";
  /** The window. Required for requests and tokens; leave it out for `concurrent` (default: "ever") */
  per?: "second" | "minute" | "day" | "month" | "ever";
  /** The most that one window allows (minimum: 1, maximum: 1000000000000000) */
  amount: number;
  /** The size of the token bucket, for `second` and `minute` only; `amount` if not given */
  burst?: number | null;
}

/** What the vendor promises about the service over any 30 days; published beside what was measured. */
export interface ServiceLevelPromise {
  /** How many of 10,000 calls do not fail: 9990 is 99.9 % */
  availability_bp?: number | null;
  /** The limit for the slowest of 95 in 100 responses; for a stream, the time to its first byte */
  p95_latency_ms?: number | null;
}

/** The whole of `service.yaml`, format 1. */
export interface ServiceManifest {
  /** The version of this format */
  mercato: 1;
  /** The service's name; consumers call `vendor/name` (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  name: string;
  /** The release's version (SemVer); a released version never changes (maxLength: 64, pattern: "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$") */
  version: string;
  /** The service's title (minLength: 3, maxLength: 80) */
  title: string;
  /** One sentence for lists and search results (minLength: 10, maxLength: 200) */
  summary: string;
  /** The long description, in Markdown (maxLength: 20000, default: "") */
  description?: string;
  /** How it is called; `openapi` is any HTTP API with a document */
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  /** What it is for; search filters by it */
  task: "embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other";
  /** Path of the OpenAPI document, relative to the manifest */
  openapi?: string | null;
  /** Whether only operations of the OpenAPI document may be called, or any path (default: "published") */
  paths?: "published" | "any";
  /** Where the release runs */
  endpoint: Endpoint;
  /** How it is sold; at least one plan (minItems: 1, maxItems: 20) */
  plans: Array<PlanManifest>;
  /** Your own words for search (maxItems: 20, default: []) */
  tags?: Array<string>;
  /** An SPDX expression, or `proprietary` (minLength: 2, maxLength: 64, pattern: "^[A-Za-z0-9.+() -]+$") */
  licence: string;
  /** What goes in and comes out (minItems: 1, default: ["text"]) */
  modalities?: Array<"text" | "image" | "audio" | "video" | "vectors" | "tabular">;
  /** What goes in, where that is not all of `modalities` (default: []) */
  inputs?: Array<"text" | "image" | "audio" | "video" | "vectors" | "tabular">;
  /** What comes out, where that is not all of `modalities` (default: []) */
  outputs?: Array<"text" | "image" | "audio" | "video" | "vectors" | "tabular">;
  /** The most tokens of one request and its response together */
  context_window?: number | null;
  /** Where it runs; search filters by it (maxItems: 50, default: []) */
  regions?: Array<string>;
  /** Start this version as a canary if an older release is live to compare it with */
  canary?: CanaryTerms | null;
  /** The service levels that you promise */
  sla?: ServiceLevelPromise | null;
  /** What the release was made from */
  lineage?: Lineage | null;
  /** `private`: only your organisation, and those in `visible_to`, find and call it (default: "public") */
  visibility?: "public" | "private";
  /** Slugs of other organisations that find and call a private service (maxItems: 100, default: []) */
  visible_to?: Array<string>;
}

