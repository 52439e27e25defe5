// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What people send and receive about being in several organisations. */

/** Some members, by person; `next` is the `after` of the next page. */
export interface MemberPage {
  /** The members */
  items: Array<MemberView>;
  /** The `after` of the next page; `null` at the end */
  next: string | null;
}

/** A person of another organisation who is in this one. */
export interface MemberView {
  /** The person's id, `usr_…` */
  user_id: string;
  /** Their address */
  email: string;
  /** Their name */
  name: string;
  /** Their role here */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  /** When they joined (format: "date-time") */
  created_at: string;
  /** Since when they cannot sign in at all */
  disabled_at: string | null;
}

/** The token of an invitation's link. */
export interface MembershipAcceptance {
  /** The last part of the link (maxLength: 200, format: "password") */
  token: string;
}

/** Which organisation the session acts in. */
export interface OrganisationChoice {
  /** Its short name (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  organisation: string;
}

/** The organisations that a person is in, the one of their account first. */
export interface PlaceList {
  /** The organisations */
  items: Array<PlaceView>;
}

/** An organisation that a person is in. */
export interface PlaceView {
  /** The organisation's id, `org_…` */
  id: string;
  /** Its short name */
  slug: string;
  /** Its name */
  name: string;
  /** The person's role in it */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  /** Whether it is the organisation of the person's account */
  own: boolean;
  /** Whether this session acts in it */
  current: boolean;
  /** Whether the operator suspended it */
  suspended: boolean;
}

