// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What discovery receives and answers under `/api/search`. */

/** A value, and how many of the listings that match have it. */
export interface FacetValue {
  /** The value to filter by */
  value: string;
  /** How many matching listings have it */
  count: number;
}

/** What a plan charges, in nano-units of its currency. */
export interface PriceView {
  /** The plan's name */
  plan: string;
  /** The currency of the amounts */
  currency: "USD" | "EUR";
  /** The monthly fee, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  monthly: number;
  /** The price of a call, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_call: number;
  /** The price of 1,000 input tokens, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_1k_input_tokens: number;
  /** The price of 1,000 output tokens, in nano-units (minimum: 0, maximum: 9000000000000000000) */
  per_1k_output_tokens: number;
}

/** Why a hit stands where it stands. Ranks count from 1; null means: not found this way. */
export interface ReasonsView {
  /** Whether the query is the listing's name */
  exact_name: boolean;
  /** Its rank among the matches by words, from 1 */
  text_rank: number | null;
  /** Its BM25 score; comparable within one answer */
  text_score: number | null;
  /** Its rank among the matches by meaning, from 1 */
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
  /** The hits of this page, best first */
  items: Array<SearchHit>;
  /** How many match; the first 200 can be paged through */
  total: number;
  /** `cursor` of the next page; null on the last one */
  next: string | null;
  /** Whether misspelt words were read as their neighbours */
  corrected: boolean;
  /** For each filter, the values that can be chosen */
  facets: Record<string, Array<FacetValue>>;
}

/** A listing that was found. `score` compares within one answer only. */
export interface SearchHit {
  /** The service's id, `svc_…` */
  service_id: string;
  /** `vendor/name` */
  name: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** The title, in a few words */
  title: string;
  /** What the service does, in one sentence */
  summary: string;
  /** The newest release, a SemVer version */
  version: string;
  /** The protocol that it speaks */
  protocol: string;
  /** What it is for */
  task: string;
  /** An SPDX expression, or `proprietary` */
  licence: string;
  /** Words to find it by */
  tags: Array<string>;
  /** What it reads and writes, such as `text` or `tabular` */
  modalities: Array<string>;
  /** Where it runs */
  regions: Array<string>;
  /** The most tokens of one call; null where it has no such limit */
  context_window: number | null;
  /** What each open plan charges */
  prices: Array<PriceView>;
  /** When the newest release was made, UTC (format: "date-time") */
  released_at: string;
  /** The weight of the hit; comparable within one answer only */
  score: number;
  /** The passage that answers best */
  snippet: SnippetView;
  /** Why it was found; null unless `explain` asked */
  reasons?: ReasonsView | null;
}

/** A search, as the query of an address. Values of one filter are alternatives; different filters must all hold. */
export interface SearchRequest {
  /** Plain words; empty lists the newest first (maxLength: 500, default: "") */
  q?: string;
  /** Protocols, any of them (maxItems: 20, default: []) */
  protocol?: Array<"openai" | "anthropic" | "openapi" | "signal">;
  /** Tasks, any of them (maxItems: 20, default: []) */
  task?: Array<"embeddings" | "chat" | "completion" | "classification" | "ranking" | "speech" | "vision" | "forecasting" | "signals" | "search" | "data" | "other">;
  /** Modalities, any of them (maxItems: 20, default: []) */
  modality?: Array<string>;
  /** Tags, any of them (maxItems: 20, default: []) */
  tag?: Array<string>;
  /** SPDX expressions, any of them (maxItems: 20, default: []) */
  licence?: Array<string>;
  /** Vendors' short names, any of them (maxItems: 20, default: []) */
  vendor?: Array<string>;
  /** Regions, any of them (maxItems: 20, default: []) */
  region?: Array<string>;
  /** Nano-units that one more call may cost under the cheapest plan, the monthly fee apart; services priced by tokens only are left out */
  max_price_per_call?: number | null;
  /** The currency of `max_price_per_call` (default: "USD") */
  currency?: "USD" | "EUR";
  /** Hits of a page, 1 to 50 (minimum: 1, maximum: 50, default: 10) */
  limit?: number;
  /** `next` of the page before */
  cursor?: string | null;
  /** Whether each hit says why it was found (default: false) */
  explain?: boolean;
}

/** The passage that answers best; `marks` are ranges `[start, end)` of its characters (code points) that matched. */
export interface SnippetView {
  /** The passage, plain text */
  text: string;
  /** What matched: ranges `[start, end)` in code points */
  marks: Array<[number, number]>;
}

