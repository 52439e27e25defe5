// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What publishing receives and answers under `/api`. */

/** Who decides: a `rule`, or `required_people` persons. */
export interface ApprovalView {
  state: "pending" | "approved" | "rejected";
  rule: string;
  required_people: number;
  reason: string;
  votes: Array<VoteView>;
  /** (format: "date-time") */
  created_at: string;
  decided_at: string | null;
}

/** Why a person decides before the rule does. */
export interface CanaryEndRequest {
  /** (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
}

/** What was metered of one release since the canary started; `p95_us` is the time to the first byte. */
export interface CanaryFigures {
  version: string;
  calls: number;
  failed: number;
  p95_us: number | null;
}

/** Some canaries of a service, the newest first; `next` is the `after` of the next page. */
export interface CanaryPage {
  items: Array<CanaryView>;
  next: string | null;
}

/** Try `version`, the highest of the service, on a share of the calls. */
export interface CanaryRequest {
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
  /** (maxLength: 64, pattern: "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$") */
  version: string;
}

/** A canary: while it runs with the figures so far, afterwards with those that ended it and the reason. */
export interface CanaryView {
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
  id: string;
  version: string;
  state: "running" | "promoted" | "rolled_back" | "aborted" | "superseded";
  reason: string;
  canary: CanaryFigures | null;
  stable: CanaryFigures | null;
  started_by: string;
  /** (format: "date-time") */
  started_at: string;
  ended_by: string;
  ended_at: string | null;
}

/** One person's word and why. */
export interface DecisionRequest {
  decision: "approve" | "reject";
  /** (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
}

/** What a phase left behind. */
export interface EvidenceView {
  /** (minimum: 1, maximum: 10) */
  phase: number;
  name: string;
  outcome: "passed" | "warned" | "failed" | "waiting";
  findings: Array<FindingView>;
  facts: Record<string, unknown>;
  /** (format: "date-time") */
  started_at: string;
  /** (format: "date-time") */
  ended_at: string;
}

/** One thing a check found. `where` is a field of the manifest or a JSON pointer into the OpenAPI document. */
export interface FindingView {
  code: string;
  level: "error" | "warning" | "info";
  where: string;
  message: string;
  fix: string;
}

/** A published operation. */
export interface OperationView {
  method: string;
  path: string;
  operation_id: string;
  summary: string;
  deprecated: boolean;
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

/** A way to buy the service. Its terms never change; amounts in whole nano-units. */
export interface PlanView {
  id: string;
  name: string;
  title: string;
  currency: "USD" | "EUR";
  /** (minimum: 0, maximum: 9000000000000000000) */
  monthly_nanos: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_call_nanos: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_input_nanos: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_output_nanos: number;
  included_unit: "requests" | "tokens" | null;
  /** (minimum: 0, maximum: 9000000000000000000) */
  included: number;
  overage: boolean;
  limits: Array<PlanLimit>;
  /** (default: []) */
  fallbacks?: Array<string>;
}

/**
 * One change between two releases; `where` points into a document or names a field of the manifest.
 *
 * `breaking`: a caller written for the earlier release may fail. `unclear`: nobody can tell, so it counts as breaking.
 * `addition`: something new that callers may use. `other`: nothing a caller must follow.
 */
export interface ReleaseChange {
  weight: "breaking" | "unclear" | "addition" | "other";
  rule: string;
  where: string;
  message: string;
}

/**
 * What changed from the lower of two versions to the higher one, what breaks callers first.
 *
 * `bump` is the least step of SemVer that may carry the changes, and `least` the lowest version that makes it.
 * `keeps_semver` is whether the later version is that high. A comparison that is not `complete` counts as breaking.
 */
export interface ReleaseDiffView {
  service: string;
  earlier: string;
  later: string;
  breaking: boolean;
  complete: boolean;
  bump: "major" | "minor" | "patch";
  least: string;
  keeps_semver: boolean;
  changes: Array<ReleaseChange>;
}

/** One immutable version. */
export interface ReleaseView {
  id: string;
  version: string;
  status: "live" | "deprecated" | "yanked";
  status_reason: string;
  /** (format: "date-time") */
  released_at: string;
  document_digest: string | null;
  operations: Array<OperationView>;
}

/** A listed service with its releases, newest first, and the plans that are open. */
export interface ServiceView {
  id: string;
  vendor_id: string;
  vendor: string;
  vendor_name: string;
  vendor_verified: boolean;
  name: string;
  title: string;
  summary: string;
  description: string;
  protocol: "openai" | "anthropic" | "openapi" | "signal";
  task: "embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other";
  paths: "published" | "any";
  licence: string;
  tags: Array<string>;
  modalities: Array<string>;
  regions: Array<string>;
  context_window: number | null;
  latest_version: string;
  /** (format: "date-time") */
  created_at: string;
  /** (format: "date-time") */
  updated_at: string;
  releases: Array<ReleaseView>;
  plans: Array<PlanView>;
}

/** Why a release is deprecated or yanked; consumers read it. */
export interface StatusRequest {
  /** (minLength: 3, maxLength: 2000, pattern: "^[^\\x00]*$") */
  reason: string;
}

/** Some submissions, the newest first; `next` is the `after` of the next page. */
export interface SubmissionPage {
  items: Array<SubmissionSummary>;
  next: string | null;
}

/** A submission without its evidence. `service` is what `vendor` calls it. */
export interface SubmissionSummary {
  id: string;
  /** (default: "") */
  vendor?: string;
  service: string;
  version: string;
  digest: string;
  state: "received" | "checking" | "waiting" | "released" | "refused";
  created_by: string;
  /** (format: "date-time") */
  created_at: string;
  ended_at: string | null;
}

/** A submission and what each phase found. */
export interface SubmissionView {
  id: string;
  /** (default: "") */
  vendor?: string;
  service: string;
  version: string;
  digest: string;
  state: "received" | "checking" | "waiting" | "released" | "refused";
  created_by: string;
  /** (format: "date-time") */
  created_at: string;
  ended_at: string | null;
  phases: Array<EvidenceView>;
  approval: ApprovalView | null;
}

/** The text of `service.yaml`, and of the OpenAPI document where the manifest names one. */
export interface SubmitRequest {
  manifest: string;
  openapi?: string | null;
}

/** What one person said. */
export interface VoteView {
  person: string;
  decision: "approve" | "reject";
  reason: string;
  /** (format: "date-time") */
  at: string;
}

/** What waits, the oldest first; `next` is the `after` of the next page. */
export interface WaitingPage {
  items: Array<WaitingView>;
  next: string | null;
}

/** A submission that waits for people: what was found, in short. */
export interface WaitingView {
  submission: SubmissionSummary;
  vendor_id: string;
  approval: ApprovalView;
  phases: Array<EvidenceView>;
}

