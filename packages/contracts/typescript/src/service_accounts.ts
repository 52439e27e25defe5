// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Service accounts: programs of an organisation, which act by keys and sign in nowhere. */

/** A program that acts for the organisation. */
export interface NewServiceAccountRequest {
  /** Its name, 1 to 120 characters, unique in the organisation (minLength: 1, maxLength: 120) */
  name: string;
  /** What it is for (maxLength: 500, default: "") */
  purpose?: string;
  /** What its keys may carry at most; left out: all that a service account may have */
  rights?: Array<string> | null;
}

/** Some service accounts, the oldest first. */
export interface ServiceAccountPage {
  /** The service accounts of this page */
  items: Array<ServiceAccountView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** What a service account may do from now on. */
export interface ServiceAccountRights {
  /** What its keys may carry at most; an empty list lets them do nothing (maxItems: 50) */
  rights: Array<string>;
}

/** A service account. */
export interface ServiceAccountView {
  /** Its id, `sva_…` */
  id: string;
  /** Its name */
  name: string;
  /** What it is for, in its maker's words */
  purpose: string;
  /** What its keys may carry at most */
  rights: Array<string>;
  /** How many keys it has that were not revoked */
  keys: number;
  /** The id of whoever made it */
  created_by: string;
  /** Who made it; empty where they are gone */
  created_by_name: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** The id of whoever disabled it; null while it works */
  disabled_by?: string | null;
  /** Since when it has no keys and gets none */
  disabled_at?: string | null;
}

