// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What is told of listings beside a search: suggestions, what is similar, comparisons, vendors, figures, rankings. */

/** Every task with services, the largest first. */
export interface CategoryList {
  items: Array<CategoryView>;
}

/** A task, how many services do it, and those that are called most. */
export interface CategoryView {
  task: string;
  title: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  services: number;
  top: Array<ListingView>;
}

/** One line of a comparison: the number of each service in their order, and which of them are best. */
export interface ComparedNumber {
  name: string;
  unit: "nanos" | "tokens" | "us" | "bp" | "hundredths" | "count";
  better: "lower" | "higher";
  values: Array<number | null>;
  /** Places of the best, from 0; empty where fewer than two are known */
  best: Array<number>;
}

/** One column of a comparison. */
export interface ComparedService {
  listing: ListingView;
  vendor_name: string;
  vendor_verified: boolean;
  status: string;
  inputs: Array<string>;
  outputs: Array<string>;
  modalities: Array<string>;
  regions: Array<string>;
  promised_availability_bp: number | null;
  promised_p95_ms: number | null;
  /** (minimum: 0, maximum: 9000000000000000000) */
  operations: number;
  /** (format: "date-time") */
  released_at: string;
  plans: Array<PlanView>;
  measured: MeasuredExactly;
}

/** Up to four services side by side, in the order asked. Prices are those of `currency`. */
export interface ComparisonAnswer {
  currency: "USD" | "EUR";
  services: Array<ComparedService>;
  numbers: Array<ComparedNumber>;
}

/** A listing in short. */
export interface ListingView {
  service_id: string;
  /** `vendor/name` */
  name: string;
  vendor: string;
  title: string;
  summary: string;
  version: string;
  protocol: string;
  task: string;
  licence: string;
  tags: Array<string>;
  context_window: number | null;
  prices: Array<PriceView>;
  measured: MeasuredView;
}

/** What 30 days of calls by others than its vendor say of a service; null: not known. */
export interface MeasuredExactly {
  /** (minimum: 0, maximum: 9000000000000000000) */
  calls: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  consumers: number;
  /** Calls that count against the vendor, its own among them (minimum: 0, maximum: 9000000000000000000) */
  failed: number;
  p50_us: number | null;
  p95_us: number | null;
  availability_bp: number | null;
  sla_met: boolean | null;
  rating: number | null;
  /** (minimum: 0, maximum: 9000000000000000000) */
  reviews: number;
  /** When these were counted; null where nobody called yet */
  measured_at: string | null;
}

/** How a service did, step by step, the oldest first, empty steps with them. */
export interface MeasuredSeries {
  service: string;
  step: "hour" | "day";
  /** (format: "date-time") */
  since: string;
  /** (format: "date-time") */
  until: string;
  measured: MeasuredExactly;
  steps: Array<MeasuredStep>;
}

/** Calls that began in one step; null where nothing was called. */
export interface MeasuredStep {
  /** (format: "date-time") */
  start: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  calls: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  failed: number;
  availability_bp: number | null;
  p50_us: number | null;
  p95_us: number | null;
}

/** What 30 days of calls say of a service, and its consumers' reviews; null: not known. */
export interface MeasuredView {
  calls: number;
  consumers: number;
  p95_ms: number | null;
  availability_bp: number | null;
  /** Whether it kept what its vendor promises */
  sla_met: boolean | null;
  /** The mean of its reviews, 1 to 5 */
  rating: number | null;
  reviews: number;
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

/** What a plan charges, in nano-units of its currency. */
export interface PriceView {
  plan: string;
  currency: "USD" | "EUR";
  /** (minimum: 0, maximum: 9000000000000000000) */
  monthly: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_call: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_input_tokens: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  per_1k_output_tokens: number;
}

/** A place in a ranking; equal values share the place. */
export interface RankedService {
  place: number;
  listing: ListingView;
  value: number;
  /** On how many calls, callers or reviews this rests (minimum: 0, maximum: 9000000000000000000) */
  sample: number;
}

/** A ranking with what it counts and on how much it rests. */
export interface RankingAnswer {
  by: "use" | "growth" | "rating" | "speed" | "availability";
  rule: string;
  unit: string;
  /** What was counted, and what was left out */
  sample: string;
  items: Array<RankedService>;
}

/** The best first. */
export interface RecommendAnswer {
  items: Array<RecommendedView>;
}

/** A service that may be wanted next, and why. */
export interface RecommendedView {
  listing: ListingView;
  /** Which ways found it, the strongest first: use by others, likeness, growth, use by many */
  ways: Array<"together" | "like" | "rising" | "popular">;
  /** Such as: used together with acme/embedder by 12 organisations */
  because: string;
}

/** The most similar first. */
export interface SimilarAnswer {
  items: Array<SimilarView>;
}

/** A listing that is like the one asked about, and why. */
export interface SimilarView {
  listing: ListingView;
  /** Cosine of their meanings; null where one of them has no vector yet */
  similarity: number | null;
  /** What they share, in words */
  because: string;
}

/** Tasks, vendors and tags first, then services. */
export interface SuggestAnswer {
  items: Array<SuggestionView>;
}

/** What somebody may mean who has typed a beginning. */
export interface SuggestionView {
  kind: "service" | "vendor" | "task" | "tag";
  /** What to show */
  text: string;
  /** `vendor/name` of a service, else the value to filter by */
  name: string;
  /** Calls of a service in 30 days, in two digits; services of a vendor, task or tag (minimum: 0, maximum: 9000000000000000000) */
  count: number;
}

/** What rises most, first. */
export interface TrendingAnswer {
  items: Array<TrendingView>;
}

/** A service that more organisations call of late than before. */
export interface TrendingView {
  listing: ListingView;
  /** Above the past, in thousandths of the spread that chance alone gives */
  trend_millis: number;
  /** Organisations that called in 30 days (minimum: 0, maximum: 9000000000000000000) */
  consumers: number;
}

/** An organisation that lists services, as everybody sees it. */
export interface VendorView {
  slug: string;
  name: string;
  verified: boolean;
  /** (format: "date-time") */
  since: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  services: number;
  tasks: Array<string>;
  /** Answered calls of its services by others in 30 days (minimum: 0, maximum: 9000000000000000000) */
  calls: number;
  /** The mean of all reviews of its services */
  rating: number | null;
  /** (minimum: 0, maximum: 9000000000000000000) */
  reviews: number;
}

