// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** The operator's announcements, and maintenance. */

/** The newest first. */
export interface AnnouncementList {
  /** The announcements, newest first */
  items: Array<AnnouncementView>;
}

/** An announcement. It is in force from `starts_at` (now when left out) until `ends_at`, or until it is ended. */
export interface AnnouncementRequest {
  /** `notice` informs; `maintenance` also refuses changes while it is in force (default: "notice") */
  kind?: "notice" | "maintenance";
  /** What everybody reads: 1 to 500 characters (minLength: 1, maxLength: 500) */
  text: string;
  /** When it comes into force, with its offset; now when left out */
  starts_at?: string | null;
  /** When it ends, with its offset; open when left out */
  ends_at?: string | null;
}

/** An announcement, in force or not. */
export interface AnnouncementView {
  /** The announcement's id, `ann_…` */
  id: string;
  /** `notice` informs; `maintenance` also refuses changes while it is in force */
  kind: "notice" | "maintenance";
  /** What everybody reads */
  text: string;
  /** When it comes into force, UTC (format: "date-time") */
  starts_at: string;
  /** When it ends, UTC; null while its end is open */
  ends_at: string | null;
  /** Whether it is in force now */
  in_force: boolean;
}

