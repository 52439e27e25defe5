// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

export type HeaderKind = "auth" | "idempotency" | "request-id" | "trace" | "pacing";
export interface Header {
  kind: HeaderKind;
  sentBy: "client" | "server" | "both";
  /** What its value must match. */
  pattern: string;
  example: string;
}
export type HeaderName = "Authorization" | "Mercato-Signature" | "Idempotency-Key" | "Idempotent-Replayed" | "X-Request-Id" | "traceparent" | "RateLimit-Policy" | "RateLimit" | "Retry-After";
export const HEADERS: Readonly<Record<HeaderName, Header>> = {
  /** A key (`ck_`, `vk_`, `sit_`) or a session's access token; all routes but sign-up, sign-in and health want it. */
  Authorization: { kind: "auth", sentBy: "client", pattern: "^Bearer \\S{1,4096}$", example: "Bearer vk_019ab3c1f2d47e0b8a6d5c4b3a291807_…" },
  /** Ed25519 over the exact bytes of the body, by the deployment's key; on signal writes and heartbeats. */
  "Mercato-Signature": { kind: "auth", sentBy: "client", pattern: "^ed25519=[A-Za-z0-9+/]{86}==$", example: "ed25519=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==" },
  /** On a POST: the same key and body get the same answer and the work is done once; another body is refused with 422, a first request still in flight with 409. */
  "Idempotency-Key": { kind: "idempotency", sentBy: "client", pattern: "^[\\x20-\\x7e]{1,200}$", example: "0b6f8f0e-6d0c-4c8e-9b53-1a2f7f0f3d11" },
  /** `true` on an answer that was given before for the same Idempotency-Key. */
  "Idempotent-Replayed": { kind: "idempotency", sentBy: "server", pattern: "^true$", example: "true" },
  /** Names the request in logs, problems and usage. A client's own is kept when it has this shape. */
  "X-Request-Id": { kind: "request-id", sentBy: "both", pattern: "^[A-Za-z0-9_.-]{8,64}$", example: "req_019ab3c1f2d47e0b8a6d5c4b3a291807" },
  /** The caller's span (W3C Trace Context); passed on to the vendor's endpoint unchanged. */
  traceparent: { kind: "trace", sentBy: "client", pattern: "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$", example: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
  /** How many requests in how many seconds (draft-ietf-httpapi-ratelimit-headers). */
  "RateLimit-Policy": { kind: "pacing", sentBy: "server", pattern: "^\"[a-z-]+\";q=\\d+;w=\\d+", example: "\"api\";q=1200;w=60" },
  /** How many are left and in how many seconds all are there again. */
  RateLimit: { kind: "pacing", sentBy: "server", pattern: "^\"[a-z-]+\";r=\\d+;t=\\d+", example: "\"api\";r=1199;t=1" },
  /** On 409, 429 and 503: whole seconds after which to ask again. */
  "Retry-After": { kind: "pacing", sentBy: "server", pattern: "^\\d{1,9}$", example: "2" },
};
