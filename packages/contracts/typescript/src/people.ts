// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What people send and receive about their own access: sessions, passwords, second factors, invitations. */

/** The code that the authenticator app shows now. */
export interface CodeRequest {
  /** Six digits (minLength: 6, maxLength: 40, format: "password") */
  code: string;
}

/** The token of an invitation's link, and who joins. */
export interface InvitationAcceptance {
  /** The last part of the link (maxLength: 200, format: "password") */
  token: string;
  /** The person's name (minLength: 1, maxLength: 120) */
  name: string;
  /** The person's password (minLength: 12, maxLength: 200, format: "password") */
  password: string;
}

/** The new member of the organisation. */
export interface InvitationAccepted {
  /** The organisation that the person joined */
  organisation: OrganisationView;
  /** The new member */
  user: UserView;
}

/** Some invitations, the newest first; `next` is the `after` of the next page. */
export interface InvitationPage {
  /** The invitations */
  items: Array<InvitationView>;
  /** The `after` of the next page; `null` on the last */
  next: string | null;
}

/** Who is invited, and the role that they get. */
export interface InvitationRequest {
  /** The address that is invited (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
  /** The role that the person will have */
  role: "super_admin" | "admin" | "approver" | "viewer";
}

/** What a link invites to. */
export interface InvitationShown {
  /** The organisation that invites */
  organisation: OrganisationView;
  /** The address that is invited */
  email: string;
  /** The role that the person will have */
  role: "super_admin" | "admin" | "approver" | "viewer";
  /** When the link stops working (format: "date-time") */
  expires_at: string;
}

/** The token of an invitation's link. */
export interface InvitationTokenRequest {
  /** The last part of the link (maxLength: 200, format: "password") */
  token: string;
}

/** An invitation. */
export interface InvitationView {
  /** The invitation's id, `ivt_…` */
  id: string;
  /** The address that is invited */
  email: string;
  /** The role that the person will have */
  role: "super_admin" | "admin" | "approver" | "viewer";
  /** Whether its link works, or why not */
  state: "open" | "accepted" | "withdrawn" | "expired";
  /** The id of the person who invited */
  invited_by: string;
  /** When the invitation was made (format: "date-time") */
  created_at: string;
  /** When its link stops working (format: "date-time") */
  expires_at: string;
}

/** Sessions in force, the newest first. */
export interface LoginSessionList {
  /** The sessions */
  items: Array<LoginSessionView>;
}

/** A session in force. */
export interface LoginSessionView {
  /** The session's id, `ses_…` */
  id: string;
  /** Whether it is the session of this request */
  current: boolean;
  /** How the client names itself; `null` where it does not */
  device: string | null;
  /** Where it was begun, without the last part of the address */
  network: string | null;
  /** When the person signed in (format: "date-time") */
  created_at: string;
  /** When its tokens were last renewed */
  used_at: string | null;
  /** When it ends by itself (format: "date-time") */
  expires_at: string;
}

/** An invitation with its link. The link is also sent by mail. */
export interface NewInvitationAnswer {
  /** The invitation's id, `ivt_…` */
  id: string;
  /** The address that is invited */
  email: string;
  /** The role that the person will have */
  role: "super_admin" | "admin" | "approver" | "viewer";
  /** Whether its link works, or why not */
  state: "open" | "accepted" | "withdrawn" | "expired";
  /** The id of the person who invited */
  invited_by: string;
  /** When the invitation was made (format: "date-time") */
  created_at: string;
  /** When its link stops working (format: "date-time") */
  expires_at: string;
  /** The link by which the person joins; it works once */
  link: string;
}

/** What the authenticator app needs; shown this once. */
export interface NewSecondFactorAnswer {
  /** The factor's id, to confirm it with */
  id: string;
  /** The secret in base32, for typing it in */
  secret: string;
  /** The `otpauth://` address that a QR code holds */
  uri: string;
}

/** A new authenticator app. */
export interface NewSecondFactorRequest {
  /** What the person calls it (minLength: 1, maxLength: 120) */
  name: string;
}

/** An organisation. */
export interface OrganisationView {
  /** The organisation's id, `org_…` */
  id: string;
  /** The short name, as in `vendor/name` */
  slug: string;
  /** The full name */
  name: string;
  /** Whether it operates the marketplace */
  is_operator: boolean;
  /** Whether the operator vouches for it */
  is_verified: boolean;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** Since when it is suspended */
  suspended_at?: string | null;
  /** Why it is suspended (default: "") */
  suspended_reason?: string;
}

/** The current password and the new one. */
export interface PasswordChangeRequest {
  /** The password that is in force (maxLength: 200, format: "password") */
  current: string;
  /** The password from now on (minLength: 12, maxLength: 200, format: "password") */
  new: string;
}

/** Whose password was forgotten. */
export interface PasswordResetRequest {
  /** The person's address; the link goes there (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
}

/** The token of a link, and the password from now on. */
export interface PasswordResetUse {
  /** The last part of the link in the letter (maxLength: 200, format: "password") */
  token: string;
  /** The password from now on (minLength: 12, maxLength: 200, format: "password") */
  password: string;
}

/** A new proof of who is asking: `code` for people with a second factor, `password` for all others. */
export interface ProofRequest {
  /** The person's password */
  password?: string | null;
  /** Six digits of an authenticator app, or a recovery code */
  code?: string | null;
}

/** Codes that stand in for the app, each once; shown this once. */
export interface RecoveryCodesAnswer {
  /** Ten codes; empty where the person has codes already */
  recovery_codes: Array<string>;
}

/** A person's second factors. */
export interface SecondFactorList {
  /** The factors, the oldest first */
  items: Array<SecondFactorView>;
  /** How many recovery codes were not used yet */
  recovery_codes_left: number;
}

/** An authenticator app that counts. */
export interface SecondFactorView {
  /** The factor's id, `fac_…` */
  id: string;
  /** What the person calls it */
  name: string;
  /** When it was added (format: "date-time") */
  created_at: string;
  /** When a code of it was last accepted */
  used_at: string | null;
}

/** How many sessions ended. */
export interface SessionsEndedAnswer {
  /** How many sessions ended by this request */
  ended: number;
}

/** A person. */
export interface UserView {
  /** The person's id, `usr_…` */
  id: string;
  /** The e-mail address that the person signs in with */
  email: string;
  /** The person's name */
  name: string;
  /** The person's role in the organisation */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** Since when the person cannot sign in */
  disabled_at?: string | null;
}

