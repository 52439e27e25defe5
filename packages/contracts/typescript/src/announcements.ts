// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What the operator tells everybody, and maintenance. */

/** The newest first. */
export interface AnnouncementList {
  items: Array<AnnouncementView>;
}

/** An announcement. It is in force from `starts_at` (now when left out) until `ends_at`, or until it is ended. */
export interface AnnouncementRequest {
  /** (default: "notice") */
  kind?: "notice" | "maintenance";
  /** (minLength: 1, maxLength: 500) */
  text: string;
  starts_at?: string | null;
  ends_at?: string | null;
}

/** An announcement, in force or not. */
export interface AnnouncementView {
  id: string;
  kind: "notice" | "maintenance";
  text: string;
  /** (format: "date-time") */
  starts_at: string;
  ends_at: string | null;
  in_force: boolean;
}

