// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Reviews of services by organisations that called them. */

/** The vendor's answer. Sent again, it replaces the one before. */
export interface ReviewAnswerRequest {
  /** The text of the review, at most 2,000 characters (minLength: 1, maxLength: 2000) */
  words: string;
}

/** Why an operator hides or shows a review; it stands in the audit log. */
export interface ReviewHideRequest {
  /** Why; it stands in the audit log (minLength: 3, maxLength: 500) */
  reason: string;
}

/** The newest first. */
export interface ReviewPage {
  /** The rows, in order */
  items: Array<ReviewView>;
  /** `before` of the next page; null on the last one */
  next: string | null;
}

/** An organisation's review of a service that it called. Sent again, it replaces the earlier one. */
export interface ReviewRequest {
  /** 1 to 5 (minimum: 1, maximum: 5) */
  stars: number;
  /** The text of the review, at most 2,000 characters (maxLength: 2000, default: "") */
  words?: string;
}

/** A review. Hidden ones are listed for operators only. */
export interface ReviewView {
  /** The review's id */
  id: string;
  /** The name in addresses of who wrote it */
  organisation: string;
  /** 1 to 5 */
  stars: number;
  /** The text of the review, at most 2,000 characters */
  words: string;
  /** When it was first written, UTC (format: "date-time") */
  written_at: string;
  /** When it was last changed, UTC (format: "date-time") */
  changed_at: string;
  /** The vendor's answer; null: none yet */
  answer: string | null;
  /** When the vendor answered, UTC */
  answered_at: string | null;
  /** Why an operator hid it; null where it is shown */
  hidden_for: string | null;
}

