// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Reviews of services by organisations that called them. */

/** The vendor's answer. Sent again, it replaces the one before. */
export interface ReviewAnswerRequest {
  /** (minLength: 1, maxLength: 2000) */
  words: string;
}

/** Why an operator hides or shows a review; it stands in the audit log. */
export interface ReviewHideRequest {
  /** (minLength: 3, maxLength: 500) */
  reason: string;
}

/** The newest first. */
export interface ReviewPage {
  items: Array<ReviewView>;
  next: string | null;
}

/** What the organisation says of a service that it called. Sent again, it replaces what it said. */
export interface ReviewRequest {
  /** (minimum: 1, maximum: 5) */
  stars: number;
  /** (maxLength: 2000, default: "") */
  words?: string;
}

/** A review. Hidden ones are listed for operators only. */
export interface ReviewView {
  id: string;
  /** The name in addresses of who wrote it */
  organisation: string;
  stars: number;
  words: string;
  /** (format: "date-time") */
  written_at: string;
  /** (format: "date-time") */
  changed_at: string;
  answer: string | null;
  answered_at: string | null;
  /** Why an operator hid it; null where it is shown */
  hidden_for: string | null;
}

