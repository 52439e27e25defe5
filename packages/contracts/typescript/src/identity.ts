// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What identity receives and answers under `/api`. */

/** The codes of a device's login; its fields are those of RFC 8628, section 3.2. */
export interface DeviceAuthorizationAnswer {
  /** The device's own code, which it exchanges for tokens; secret */
  device_code: string;
  /** The code that the person types */
  user_code: string;
  /** The page on which the person types it */
  verification_uri: string;
  /** The same page with the code filled in */
  verification_uri_complete: string;
  /** Seconds */
  expires_in: number;
  /** Seconds between two questions of the device */
  interval: number;
}

/** The tokens of a device that a person approved (RFC 6749, section 5.1). */
export interface DeviceTokenAnswer {
  /** The token for requests, sent as `Authorization: Bearer …` */
  access_token: string;
  /** How it is sent (default: "Bearer") */
  token_type?: "Bearer";
  /** Seconds */
  expires_in: number;
  /** The token for the next pair; good once */
  refresh_token: string;
}

/** A service that a key is held to. */
export interface HeldService {
  /** The service's id, `svc_…` */
  id: string;
  /** `vendor/name` */
  name: string;
}

/** What RFC 7662 says of a token; of one that is not in force only that `active` is false. */
export interface IntrospectionView {
  /** Whether the token is in force */
  active: boolean;
  /** What the key may do, separated by spaces */
  scope?: string | null;
  /** The key's id */
  client_id?: string | null;
  /** The organisation whose key it is */
  sub?: string | null;
  /** The deployment whose token it is; a key has none */
  aud?: string | null;
  /** How the token is sent */
  token_type?: "Bearer" | null;
  /** When it was made, in seconds since 1970 */
  iat?: number | null;
  /** When it ends, in seconds since 1970; missing where it does not */
  exp?: number | null;
}

/** What a key is held to. Where a list is empty, it is held to none. */
export interface KeyHoldRequest {
  /** The only services that it calls, each `vendor/name` (maxItems: 50) */
  services?: Array<string>;
  /** The only addresses or networks (CIDR) that it is taken from, such as `203.0.113.0/24` (maxItems: 50) */
  addresses?: Array<string>;
}

/** Some keys; `next` is the `after` of the next page. */
export interface KeyPage {
  /** The keys of this page */
  items: Array<KeyView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A key without its secret. */
export interface KeyView {
  /** The key's id, `key_…` */
  id: string;
  /** `ck` to call and subscribe, `vk` to publish */
  kind: "ck" | "vk";
  /** The name that its maker gave it */
  name: string;
  /** What it may do */
  scopes: Array<string>;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it expires, UTC; null: never */
  expires_at: string | null;
  /** When it was revoked, UTC; null while it is not */
  revoked_at: string | null;
  /** The id of the key that replaces it; null: none */
  rotated_to: string | null;
  /** The id of whoever made it (default: "") */
  created_by?: string;
  /** Who made it; empty where they are gone (default: "") */
  created_by_name?: string;
  /** The service account that it belongs to, `sva_…`; null: whoever made it */
  service_account_id?: string | null;
  /** The name of that service account (default: "") */
  service_account_name?: string;
  /** The quarter hour of its last call in the last 31 days */
  last_used_at?: string | null;
  /** The only services that it calls; empty: all that are subscribed to */
  services?: Array<HeldService>;
  /** The only networks that it is taken from; empty: any */
  addresses?: Array<string>;
}

/** Who is asking and what they may do. */
export interface MeView {
  /** The short name of the caller's organisation */
  organisation: string;
  /** The organisation's id, `org_…` */
  organisation_id: string;
  /** The id of the person or key */
  actor: string;
  /** The name of the person or key */
  name: string;
  /** The caller's role */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
  /** What the caller may do */
  permissions: Array<string>;
  /** Whether the organisation operates the marketplace */
  is_operator: boolean;
}

/** A key with its text, shown this once. */
export interface NewKeyAnswer {
  /** The key's id, `key_…` */
  id: string;
  /** `ck` to call and subscribe, `vk` to publish */
  kind: "ck" | "vk";
  /** The name that its maker gave it */
  name: string;
  /** What it may do */
  scopes: Array<string>;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it expires, UTC; null: never */
  expires_at: string | null;
  /** When it was revoked, UTC; null while it is not */
  revoked_at: string | null;
  /** The id of the key that replaces it; null: none */
  rotated_to: string | null;
  /** The id of whoever made it (default: "") */
  created_by?: string;
  /** Who made it; empty where they are gone (default: "") */
  created_by_name?: string;
  /** The service account that it belongs to, `sva_…`; null: whoever made it */
  service_account_id?: string | null;
  /** The name of that service account (default: "") */
  service_account_name?: string;
  /** The quarter hour of its last call in the last 31 days */
  last_used_at?: string | null;
  /** The only services that it calls; empty: all that are subscribed to */
  services?: Array<HeldService>;
  /** The only networks that it is taken from; empty: any */
  addresses?: Array<string>;
  /** The key's whole text; shown this once */
  key: string;
}

/** A key: `ck` to call and subscribe, `vk` to publish. `scopes` left out: all its kind may carry. */
export interface NewKeyRequest {
  /** The only services that it calls, each `vendor/name` (maxItems: 50) */
  services?: Array<string>;
  /** The only addresses or networks (CIDR) that it is taken from, such as `203.0.113.0/24` (maxItems: 50) */
  addresses?: Array<string>;
  /** `ck` to call and subscribe, `vk` to publish */
  kind: "ck" | "vk";
  /** What it is for, 1 to 120 characters (minLength: 1, maxLength: 120) */
  name: string;
  /** What it may do; all that its kind may carry when left out */
  scopes?: Array<string> | null;
  /** When it expires, with its offset; never when left out */
  expires_at?: string | null;
  /** The service account that it belongs to, `sva_…`; left out: whoever makes it */
  service_account_id?: string | null;
}

/** A colleague. */
export interface NewUserRequest {
  /** The e-mail address, at most 254 characters (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
  /** The person's name, 1 to 120 characters (minLength: 1, maxLength: 120) */
  name: string;
  /** The password, 12 to 200 characters; never logged (minLength: 12, maxLength: 200, format: "password") */
  password: string;
  /** The person's role in the organisation */
  role: "super_admin" | "admin" | "approver" | "viewer" | "service_account";
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

/** The refresh token of the last pair; each is good once. */
export interface RefreshRequest {
  /** The refresh token of the last pair (maxLength: 300, format: "password") */
  refresh_token: string;
}

/** How long the old key lives on, in seconds; never past its own expiry. */
export interface RotateKeyRequest {
  /** Seconds that the old key lives on, at most a week (minimum: 0, maximum: 604800, default: 3600) */
  grace_seconds?: number;
}

/** A pair of tokens: `access_token` for calls, `refresh_token` for the next pair. */
export interface SessionView {
  /** The token for requests, sent as `Authorization: Bearer …` */
  access_token: string;
  /** When the access token expires, UTC (format: "date-time") */
  access_expires_at: string;
  /** The token for the next pair; good once */
  refresh_token: string;
  /** When the refresh token expires, UTC (format: "date-time") */
  refresh_expires_at: string;
  /** At sign-in only: keep it, and send it with the next sign-in on this device */
  device_token?: string | null;
}

/** Who signs in. */
export interface SignInRequest {
  /** The e-mail address, at most 254 characters (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
  /** The person's password; never logged (format: "password") */
  password: string;
  /** For people with a second factor: six digits of the app, or a recovery code */
  code?: string | null;
  /** What the last sign-in on this device gave: failed attempts of others then do not delay this one */
  device_token?: string | null;
}

/** What was made. */
export interface SignUpAnswer {
  /** The new organisation */
  organisation: OrganisationView;
  /** Its first administrator */
  user: UserView;
}

/** A new organisation and its first administrator. */
export interface SignUpRequest {
  /** The short name: lower-case letters, digits and inner hyphens, at most 63 (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  organisation: string;
  /** The organisation's full name, 1 to 120 characters (minLength: 1, maxLength: 120) */
  name: string;
  /** The e-mail address, at most 254 characters (maxLength: 254, pattern: "^[^@\\s]{1,64}@[^@\\s]{1,190}$") */
  email: string;
  /** The password, 12 to 200 characters; never logged (minLength: 12, maxLength: 200, format: "password") */
  password: string;
}

/** The people of an organisation, the oldest first. */
export interface UserList {
  /** The people of this page, oldest first */
  items: Array<UserView>;
  /** The cursor of the next page; null on the last page */
  next?: string | null;
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

/** Whether the operator vouches for the organisation: its releases may then go live by rule. */
export interface VerificationRequest {
  /** Whether the operator vouches for it */
  verified: boolean;
  /** Why; it is in the audit log (maxLength: 500, default: "") */
  reason?: string;
}

