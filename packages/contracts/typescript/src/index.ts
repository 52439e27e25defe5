// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

export * as billing from "./billing.js";
export * as catalog from "./catalog.js";
export * as consensus from "./consensus.js";
export * as credentials from "./credentials.js";
export * as dataplane from "./dataplane.js";
export * as datasets from "./datasets.js";
export * as deployments from "./deployments.js";
export * as desk from "./desk.js";
export * as discovery from "./discovery.js";
export * as identity from "./identity.js";
export * as manifest from "./manifest.js";
export * as marketplace from "./marketplace.js";
export * as metering from "./metering.js";
export * as optimizer from "./optimizer.js";
export * as problem from "./problem.js";
export * as publishing from "./publishing.js";
export * as record from "./record.js";
export * as scores from "./scores.js";
export * as service_levels from "./service_levels.js";
export * as signals from "./signals.js";
export * as subscriptions from "./subscriptions.js";
export * as training from "./training.js";
export * as webhooks from "./webhooks.js";
export * as headers from "./headers.js";
export * as codes from "./codes.js";
export * as examples from "./examples.js";
export const VERSION = "1";
