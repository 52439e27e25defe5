// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What operators decide about organisations, what administrators decide about people, and what each role may do. */

/** Keep a person from signing in. */
export interface DisableRequest {
  /** Whether keys that the person made stay in force (default: false) */
  keep_keys?: boolean;
}

/** A service that a key is held to. */
export interface HeldService {
  /** The service's id, `svc_…` */
  id: string;
  /** `vendor/name` */
  name: string;
}

/** A key of some organisation, as operators see it. */
export interface KeyOfAnyone {
  /** The key's id, `key_…` */
  id: string;
  /** The kind of key */
  kind: string;
  /** The name that its maker gave it */
  name: string;
  /** The organisation's id, `org_…` */
  organisation_id: string;
  /** The short name of the organisation */
  organisation: string;
  /** The id of who made it */
  created_by: string;
  /** The name of who made it */
  created_by_name: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it expires, UTC; null: never */
  expires_at: string | null;
  /** When it was revoked, UTC; null while it is not */
  revoked_at: string | null;
  /** What it may do */
  scopes: Array<string>;
  /** The only services that it calls; empty: all */
  services: Array<HeldService>;
  /** The only networks that it is taken from; empty: any */
  addresses: Array<string>;
  /** The quarter hour of its last call in the last 31 days */
  last_used_at: string | null;
  /** Calls of this calendar month, UTC */
  month_calls: number;
  /** What its calls of this month cost, by currency */
  month_nanos: Record<string, number>;
}

/** The oldest first. */
export interface KeyOfAnyonePage {
  /** The keys of this page, oldest first */
  items: Array<KeyOfAnyone>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** What a kind of key may carry at most. */
export interface KeyRights {
  /** The kind of key */
  kind: string;
  /** All that it may carry */
  scopes: Array<string>;
}

/** The oldest first. */
export interface OrganisationPage {
  /** The organisations of this page, oldest first */
  items: Array<OrganisationView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
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

/** The matrix of rights, made from the code that enforces it. Whatever is not listed is refused. */
export interface RightsView {
  /** The rights of each role */
  roles: Array<RoleRights>;
  /** The rights of each kind of key */
  keys: Array<KeyRights>;
  /** Every permission that there is */
  permissions: Array<string>;
}

/** Another role for a person. */
export interface RoleChange {
  /** The role that the person gets */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
}

/** What a role may do in its own organisation, and what more in the operator's. */
export interface RoleRights {
  /** The role */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  /** What it may do in its own organisation */
  permissions: Array<string>;
  /** What more it may do in the operator's organisation */
  operator_permissions: Array<string>;
}

/** A decision about an organisation. */
export interface StandingRequest {
  /** Why; it is in the audit log (minLength: 1, maxLength: 500) */
  reason: string;
}

