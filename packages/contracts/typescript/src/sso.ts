// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What people send and receive about single sign-on. */

/** Whether passwords count beside the provider. */
export interface PasswordsRequest {
  /** Whether people may sign in with a password too */
  allowed: boolean;
}

/** An organisation's identity provider as operators see it. */
export interface ProviderOfAnyone {
  /** The organisation's short name */
  organisation: string;
  /** The issuer */
  issuer: string;
  /** How many people are linked to an account there */
  accounts: number;
  /** Whether the provider's groups give people their roles */
  maps_groups: boolean;
  /** The role of people with none of these groups */
  default_role: "admin" | "approver" | "viewer" | null;
  /** Mail domains whose people may join without an invitation */
  domains: Array<string>;
  /** Whether people may sign in with a password too */
  passwords: boolean;
  /** When somebody last signed in through it as it is configured */
  worked_at: string | null;
  /** When it was last changed (format: "date-time") */
  changed_at: string;
}

/** By the organisations' short names; `next` is the `after` of the next page. */
export interface ProviderOfAnyonePage {
  /** The providers */
  items: Array<ProviderOfAnyone>;
  /** The `after` of the next page; `null` at the end */
  next: string | null;
}

/** The identity provider of an organisation (OpenID Connect) and what its groups mean. */
export interface ProviderRequest {
  /** The issuer, exactly as the provider writes it (maxLength: 500, pattern: "^https?://[^\\s?#]+$") */
  issuer: string;
  /** What the provider calls this marketplace (minLength: 1, maxLength: 500) */
  client_id: string;
  /** The client's secret; left out, the one that is kept stays */
  client_secret?: string | null;
  /** The claim that names a person's groups (minLength: 1, maxLength: 200, default: "groups") */
  groups_claim?: string;
  /** Roles by group; the highest counts, at each sign-in. Empty: roles are given in the marketplace */
  roles?: Record<string, "admin" | "approver" | "viewer">;
  /** The role of people with none of these groups; left out, they may not sign in */
  default_role?: "admin" | "approver" | "viewer" | null;
  /** Mail domains whose people may join without an invitation; other addresses are then not linked (maxItems: 50) */
  domains?: Array<string>;
}

/** The identity provider of an organisation. Its client secret is not shown. */
export interface ProviderView {
  /** The issuer */
  issuer: string;
  /** What the provider calls this marketplace */
  client_id: string;
  /** Where the provider sends people back to; register it there */
  redirect_uri: string;
  /** The claim that names a person's groups */
  groups_claim: string;
  /** Roles by group */
  roles: Record<string, "admin" | "approver" | "viewer">;
  /** The role of people with none of these groups */
  default_role: "admin" | "approver" | "viewer" | null;
  /** Mail domains whose people may join without an invitation */
  domains: Array<string>;
  /** Whether people may sign in with a password too */
  passwords: boolean;
  /** When somebody last signed in through it as it is configured */
  worked_at: string | null;
  /** When it was last changed (format: "date-time") */
  changed_at: string;
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

/** Some accounts, by person; `next` is the `after` of the next page. */
export interface SsoAccountPage {
  /** The accounts */
  items: Array<SsoAccountView>;
  /** The `after` of the next page; `null` at the end */
  next: string | null;
}

/** A person and the account at the provider that they are bound to. */
export interface SsoAccountView {
  /** The person's id, `usr_…` */
  user_id: string;
  /** The person's address here */
  email: string;
  /** The person's name */
  name: string;
  /** The provider */
  issuer: string;
  /** The provider's own name for the person */
  subject: string;
  /** When the two were bound (format: "date-time") */
  created_at: string;
  /** When the person last signed in through it */
  signed_in_at: string | null;
}

/** What the provider sent back in the address of the page `/sso/callback`, and the binding. */
export interface SsoAnswerRequest {
  /** `state` of the address (maxLength: 200, format: "password") */
  state: string;
  /** `code` of the address; absent where the provider signed nobody in */
  code?: string | null;
  /** `iss` of the address, where there is one */
  iss?: string | null;
  /** `error` of the address, where there is one */
  error?: string | null;
  /** What came with the provider's address (maxLength: 200, format: "password") */
  binding: string;
}

/** Where the person signs in, and what proves afterwards who began. */
export interface SsoBegun {
  /** The provider's page; open it in a browser */
  authorization_url: string;
  /** Keep it: the answer counts only together with it */
  binding: string;
  /** When the sign-in is given up (format: "date-time") */
  expires_at: string;
}

/** What the sign-in was for, and the session where one began. */
export interface SsoFinished {
  /** `sign_in`: a session began; `link`: the account is bound; `proof`: the proof is renewed */
  purpose: "sign_in" | "link" | "proof";
  /** The new session, of a sign-in */
  session?: SessionView | null;
}

/** The organisation whose identity provider is asked. */
export interface SsoSignInRequest {
  /** The organisation's name (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  organisation: string;
}

