// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What discovery receives and answers under `/api/search`. */

/** A value, and how many of the listings that match have it. */
export interface FacetValue {
  value: string;
  count: number;
}

/** Everything to filter by, with counts. What is filtered by counts as if it were not. */
export interface FacetsAnswer {
  total: number;
  facets: Record<string, Array<FacetValue>>;
  numbers: Record<string, NumberFacet>;
}

/**
 * What listings must be. Values of one filter are alternatives; different filters must all hold.
 *
 * A listing whose number is not known fits no range of it.
 */
export interface ListingFilters {
  /** Plain words; empty lists the newest first (maxLength: 500, default: "") */
  q?: string;
  /** (maxItems: 20, default: []) */
  protocol?: Array<"openai" | "anthropic" | "openapi" | "signal">;
  /** (maxItems: 20, default: []) */
  task?: Array<"embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other">;
  /** (maxItems: 20, default: []) */
  modality?: Array<string>;
  /** (maxItems: 20, default: []) */
  modality_in?: Array<string>;
  /** (maxItems: 20, default: []) */
  modality_out?: Array<string>;
  /** (maxItems: 20, default: []) */
  tag?: Array<string>;
  /** (maxItems: 20, default: []) */
  licence?: Array<string>;
  /** (maxItems: 20, default: []) */
  vendor?: Array<string>;
  /** (maxItems: 20, default: []) */
  region?: Array<string>;
  /** (maxItems: 2, default: []) */
  status?: Array<"live" | "deprecated">;
  /** (maxItems: 4, default: []) */
  pricing?: Array<"free" | "per_call" | "per_token" | "per_month">;
  /** (maxItems: 2, default: []) */
  verified?: Array<"yes" | "no">;
  /** (maxItems: 2, default: []) */
  sla_met?: Array<"yes" | "no">;
  /** The currency of the prices (default: "USD") */
  currency?: "USD" | "EUR";
  min_price_per_call?: number | null;
  /** Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services that charge by tokens have `max_price_per_1k_tokens` */
  max_price_per_call?: number | null;
  min_price_per_1k_tokens?: number | null;
  /** Nano-units that 1,000 tokens may cost, in or out, under the cheapest plan that charges by them */
  max_price_per_1k_tokens?: number | null;
  min_price_per_month?: number | null;
  /** The highest monthly fee of the cheapest plan */
  max_price_per_month?: number | null;
  min_context_window?: number | null;
  max_context_window?: number | null;
  min_p95_ms?: number | null;
  /** Measured at the gateway over 30 days, in milliseconds */
  max_p95_ms?: number | null;
  /** Measured, in ten thousandths */
  min_availability_bp?: number | null;
  max_availability_bp?: number | null;
  /** The mean of its reviews, 1 to 5 */
  min_rating?: number | null;
  max_rating?: number | null;
  /** Calls of the last 30 days */
  min_calls?: number | null;
  max_calls?: number | null;
  /** Organisations that called it in the last 30 days */
  min_consumers?: number | null;
  max_consumers?: number | null;
  /** Whose latest release is not older */
  released_since?: string | null;
  /** Whose latest release is not newer */
  released_until?: string | null;
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

/** How a number is spread: whether each bound is the most or the least that is allowed, and how many keep it. */
export interface NumberFacet {
  bounds: "at_most" | "at_least";
  steps: Array<StepCount>;
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

/** Why a hit stands where it stands. Ranks count from 1; null means: not found this way. */
export interface ReasonsView {
  exact_name: boolean;
  text_rank: number | null;
  text_score: number | null;
  vector_rank: number | null;
  /** Cosine of query and listing */
  similarity: number | null;
  /** Found by reading a misspelt word as its neighbour */
  corrected: boolean;
  /** Stems of the query's words, and the fields they stand in */
  words: Record<string, Array<string>>;
}

/** One page. Facets count all that match; a facet that is filtered by counts as if it were not. */
export interface SearchAnswer {
  items: Array<SearchHit>;
  /** How many match; of those found by words, the first 200 can be paged through, without words all */
  total: number;
  /** `cursor` of the next page; null on the last one */
  next: string | null;
  /** Whether misspelt words were read as their neighbours */
  corrected: boolean;
  /** Nothing fits well: no name, word or meaning speaks for what was found (default: false) */
  doubtful?: boolean;
  facets: Record<string, Array<FacetValue>>;
}

/** A listing that was found. `score` compares within one answer only. */
export interface SearchHit {
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
  modalities: Array<string>;
  regions: Array<string>;
  /** What goes in */
  inputs: Array<string>;
  /** What comes out */
  outputs: Array<string>;
  context_window: number | null;
  prices: Array<PriceView>;
  /** (format: "date-time") */
  released_at: string;
  status: string;
  vendor_verified: boolean;
  measured: MeasuredView;
  score: number;
  snippet: SnippetView;
  reasons?: ReasonsView | null;
}

/** A search, as the query of an address. */
export interface SearchRequest {
  /** Plain words; empty lists the newest first (maxLength: 500, default: "") */
  q?: string;
  /** (maxItems: 20, default: []) */
  protocol?: Array<"openai" | "anthropic" | "openapi" | "signal">;
  /** (maxItems: 20, default: []) */
  task?: Array<"embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other">;
  /** (maxItems: 20, default: []) */
  modality?: Array<string>;
  /** (maxItems: 20, default: []) */
  modality_in?: Array<string>;
  /** (maxItems: 20, default: []) */
  modality_out?: Array<string>;
  /** (maxItems: 20, default: []) */
  tag?: Array<string>;
  /** (maxItems: 20, default: []) */
  licence?: Array<string>;
  /** (maxItems: 20, default: []) */
  vendor?: Array<string>;
  /** (maxItems: 20, default: []) */
  region?: Array<string>;
  /** (maxItems: 2, default: []) */
  status?: Array<"live" | "deprecated">;
  /** (maxItems: 4, default: []) */
  pricing?: Array<"free" | "per_call" | "per_token" | "per_month">;
  /** (maxItems: 2, default: []) */
  verified?: Array<"yes" | "no">;
  /** (maxItems: 2, default: []) */
  sla_met?: Array<"yes" | "no">;
  /** The currency of the prices (default: "USD") */
  currency?: "USD" | "EUR";
  min_price_per_call?: number | null;
  /** Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services that charge by tokens have `max_price_per_1k_tokens` */
  max_price_per_call?: number | null;
  min_price_per_1k_tokens?: number | null;
  /** Nano-units that 1,000 tokens may cost, in or out, under the cheapest plan that charges by them */
  max_price_per_1k_tokens?: number | null;
  min_price_per_month?: number | null;
  /** The highest monthly fee of the cheapest plan */
  max_price_per_month?: number | null;
  min_context_window?: number | null;
  max_context_window?: number | null;
  min_p95_ms?: number | null;
  /** Measured at the gateway over 30 days, in milliseconds */
  max_p95_ms?: number | null;
  /** Measured, in ten thousandths */
  min_availability_bp?: number | null;
  max_availability_bp?: number | null;
  /** The mean of its reviews, 1 to 5 */
  min_rating?: number | null;
  max_rating?: number | null;
  /** Calls of the last 30 days */
  min_calls?: number | null;
  max_calls?: number | null;
  /** Organisations that called it in the last 30 days */
  min_consumers?: number | null;
  max_consumers?: number | null;
  /** Whose latest release is not older */
  released_since?: string | null;
  /** Whose latest release is not newer */
  released_until?: string | null;
  /** With words, the 200 best hits are put in this order (default: "relevance") */
  sort?: "relevance" | "price_per_call" | "price_per_1k_tokens" | "price_per_month" | "context_window" | "p95_ms" | "availability_bp" | "rating" | "calls" | "consumers" | "released";
  /** Left out, the better end first: low prices and times, high ratings and windows */
  order?: "asc" | "desc" | null;
  /** (minimum: 1, maximum: 50, default: 10) */
  limit?: number;
  /** `next` of the page before */
  cursor?: string | null;
  /** Whether each hit says why it was found (default: false) */
  explain?: boolean;
}

/** The passage that answers best; `marks` are ranges `[start, end)` of its characters (code points) that matched. */
export interface SnippetView {
  text: string;
  marks: Array<[number, number]>;
}

/** A bound, and how many of the listings that match keep it. */
export interface StepCount {
  /** In the number's own unit; ratings in hundredths */
  bound: number;
  count: number;
}

