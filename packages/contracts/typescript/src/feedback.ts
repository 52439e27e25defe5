// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What people found of the results that a search showed them. */

/** How far down answers people find what they look for. */
export interface FeedbackFigures {
  /** Feedback from this moment on is counted, UTC (format: "date-time") */
  since: string;
  /** Different words that feedback was given on (minimum: 0, maximum: 9000000000000000000) */
  queries: number;
  /** Results that were opened or called useful (minimum: 0, maximum: 9000000000000000000) */
  taken: number;
  /** Results that were called not useful (minimum: 0, maximum: 9000000000000000000) */
  not_useful: number;
  /** Mean of one divided by the best place taken, over all queries, in ten thousandths; null: no query */
  reciprocal_rank_bp: number | null;
  /** By place, the first twenty */
  positions: Array<FeedbackPosition>;
}

/** What was found of the results that stood in one place. */
export interface FeedbackPosition {
  /** The place in the answer, from 1 */
  position: number;
  /** Results that were opened, and not judged (minimum: 0, maximum: 9000000000000000000) */
  opened: number;
  /** Results that were called useful (minimum: 0, maximum: 9000000000000000000) */
  useful: number;
  /** Results that were called not useful (minimum: 0, maximum: 9000000000000000000) */
  not_useful: number;
}

/** What somebody found of one result. Sent again for the same words and service, it replaces the earlier verdict. */
export interface FeedbackRequest {
  /** The words that were searched for; the first 200 characters are kept (minLength: 1, maxLength: 500) */
  query: string;
  /** The result, `vendor/name` (pattern: "^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}$") */
  service: string;
  /** Where it stood in the answer, from 1 (minimum: 1, maximum: 200) */
  position: number;
  /** `opened`: its page was opened; `useful` or `not_useful`: the verdict on it */
  verdict: "opened" | "useful" | "not_useful";
}

