// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What administrators send and receive about provisioning by SCIM. The protocol itself is RFC 7643 and RFC 7644. */

/** A token with its text, shown this once. */
export interface NewScimTokenAnswer {
  /** The token's id, `key_…` */
  id: string;
  /** What its maker calls it */
  name: string;
  /** The id of the person who made it */
  created_by: string;
  /** When it was made (format: "date-time") */
  created_at: string;
  /** When it ends */
  expires_at: string | null;
  /** When it was revoked */
  revoked_at: string | null;
  /** When it was last shown, to within five minutes */
  used_at: string | null;
  /** The text to enter at the provider */
  token: string;
}

/** A token for the identity provider. */
export interface NewScimTokenRequest {
  /** What you call it (minLength: 1, maxLength: 120) */
  name: string;
  /** When it ends; left out, when it is revoked */
  expires_at?: string | null;
}

/** What the groups of the identity provider mean. */
export interface ScimSettingsRequest {
  /** Roles by group; the highest counts. Empty: roles are given in the marketplace */
  roles?: Record<string, "admin" | "approver" | "viewer">;
  /** The role of new people, and of those with none of these groups (default: "viewer") */
  default_role?: "admin" | "approver" | "viewer";
}

/** Where the provider sends people and groups, and what its groups mean. */
export interface ScimSettingsView {
  /** The address to enter at the provider */
  base_url: string;
  /** Roles by group */
  roles: Record<string, "admin" | "approver" | "viewer">;
  /** The role of new people, and of those with none of these groups */
  default_role: "admin" | "approver" | "viewer";
}

/** Some tokens; `next` is the `after` of the next page. */
export interface ScimTokenPage {
  /** The tokens */
  items: Array<ScimTokenView>;
  /** The `after` of the next page; `null` at the end */
  next: string | null;
}

/** A token without its text. */
export interface ScimTokenView {
  /** The token's id, `key_…` */
  id: string;
  /** What its maker calls it */
  name: string;
  /** The id of the person who made it */
  created_by: string;
  /** When it was made (format: "date-time") */
  created_at: string;
  /** When it ends */
  expires_at: string | null;
  /** When it was revoked */
  revoked_at: string | null;
  /** When it was last shown, to within five minutes */
  used_at: string | null;
}

