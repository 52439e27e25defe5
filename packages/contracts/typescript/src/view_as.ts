// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What people send and receive about viewing as somebody else. */

/** The view that a session is in. */
export interface CurrentView {
  /** The view's id, `vas_…` */
  id: string;
  /** The id of the person whose pages are seen, `usr_…` */
  person: string;
  /** Their name */
  name: string;
  /** The short name of the organisation that is seen */
  organisation: string;
  /** Their role there */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  /** Why, in the operator's words */
  reason: string;
  /** When it ends by itself, UTC (format: "date-time") */
  ends_at: string;
}

/** Who looked, at what, and why. */
export interface PastView {
  /** The view's id, `vas_…` */
  id: string;
  /** The id of the person whose pages were seen, `usr_…` */
  person: string;
  /** Their name */
  person_name: string;
  /** The organisation's id, `org_…` */
  organisation_id: string;
  /** The id of the operator's person who looked, `usr_…` */
  viewed_by: string;
  /** Their name; only the operator's own people see it */
  viewed_by_name: string;
  /** Why, in the operator's words */
  reason: string;
  /** Since when, UTC (format: "date-time") */
  began_at: string;
  /** When it ended, or ends, by itself, UTC (format: "date-time") */
  ends_at: string;
  /** When somebody ended it before that, UTC; null: nobody did */
  ended_at: string | null;
}

/** The newest first. */
export interface PastViewPage {
  /** The views of this page, newest first */
  items: Array<PastView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** Whom to view as, and why. */
export interface ViewAsRequest {
  /** The id of the person, `usr_…` (minLength: 1, maxLength: 64) */
  person: string;
  /** In which organisation, where the person is in several; null: the one of their account */
  organisation?: string | null;
  /** Why; it is in the audit log (minLength: 1, maxLength: 500) */
  reason: string;
}

/** Whether operators may view as an organisation's people. */
export interface ViewAsSetting {
  /** Whether they may */
  allowed: boolean;
}

/** Whether the session is in a view. */
export interface ViewAsState {
  /** The view; null where the session is nobody's but the caller's */
  view: CurrentView | null;
}

