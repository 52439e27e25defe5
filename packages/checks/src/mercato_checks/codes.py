"""Every code that a publishing check can give: what it means, what to do. The reference page is made from this table.

A code never changes its meaning; a new meaning gets a new code.
"""

from collections.abc import Iterable

from mercato_checks.findings import Code, Finding, Level

_MANIFEST = (
    Code("manifest_too_large", "error", "The manifest is too large", "Keep service.yaml under 256 KiB."),
    Code("manifest_not_text", "error", "The manifest is not UTF-8 text", "Save service.yaml as UTF-8."),
    Code("manifest_syntax", "error", "The manifest is not YAML", "Fix the line named; `mp validate` shows it."),
    Code("manifest_bomb", "error", "The manifest grows without bound", "Write values out instead of nesting anchors."),
    Code(
        "manifest_not_mapping",
        "error",
        "The manifest is not a mapping",
        "Begin with `mercato: 1`, `name:`, `version:` and the other fields.",
    ),
    Code(
        "manifest_key_repeated",
        "error",
        "A key occurs twice",
        "Keep one of the two; YAML readers disagree on which counts.",
    ),
    Code("manifest_field_missing", "error", "A field is missing", "Add the field."),
    Code("manifest_field_unknown", "error", "A field is unknown", "Remove it, or correct its spelling."),
    Code("manifest_field_type", "error", "A value has the wrong type", "Write a value of the type named."),
    Code("manifest_field_invalid", "error", "A value is not allowed", "Write a value as the message says."),
    Code(
        "manifest_openapi_path",
        "error",
        "The document's path leaves the project",
        "Name a file beside service.yaml, such as openapi.json.",
    ),
    Code(
        "manifest_endpoint_userinfo",
        "error",
        "The endpoint's address carries a user or password",
        "Take it out of the address; store it with `mp credentials set` and name it in `endpoint.credential`.",
    ),
    Code(
        "manifest_credential_header",
        "error",
        "This header cannot carry a credential",
        "Name the field that your endpoint reads its key from, such as Authorization or X-Api-Key.",
    ),
    Code(
        "manifest_credential_plain",
        "error",
        "The credential would cross the network unencrypted",
        "Serve the endpoint over https, or take `endpoint.credential` out.",
    ),
    Code(
        "credential_missing",
        "error",
        "Your organisation has no credential of this name",
        "Store it with `mp credentials set NAME`, or correct `endpoint.credential.secret`; then publish again.",
    ),
    Code(
        "credential_unreadable",
        "error",
        "The stored credential cannot be opened",
        "Store it again with `mp credentials set NAME`; then publish again.",
    ),
    Code(
        "manifest_endpoint_fragment", "error", "The endpoint's address has a fragment", "Remove `#` and what follows."
    ),
    Code("manifest_endpoint_query", "error", "The endpoint's address has a query", "Remove `?` and what follows."),
    Code("manifest_endpoint_plain", "warning", "The endpoint is not encrypted", "Serve it over https."),
    Code(
        "manifest_endpoint_base",
        "warning",
        "The endpoint's base does not end in /v1",
        "For openai and anthropic give the base that ends in /v1; paths such as /embeddings are added to it.",
    ),
    Code(
        "manifest_endpoint_model_unused",
        "warning",
        "`endpoint.model` has no effect",
        "Remove it: only openai and anthropic calls carry a model.",
    ),
    Code(
        "manifest_tokens_unmeasured",
        "error",
        "Tokens are priced or limited where none are counted",
        "Price and limit by requests: calls of this protocol have no tokens.",
    ),
    Code(
        "manifest_price_unreadable", "error", "A price is not an amount", 'Write a decimal such as "0.0002", 0 or more.'
    ),
    Code(
        "manifest_free_but_priced", "error", "A plan called free has a price", "Rename the plan or take the price out."
    ),
    Code("manifest_plan_unpriced", "warning", "A plan costs nothing", "Name it `free`, or give it a price."),
    Code(
        "manifest_included_nothing",
        "error",
        "A plan includes 0 units",
        "Give an amount of 1 or more, or remove `included`.",
    ),
    Code(
        "manifest_included_mismatch",
        "warning",
        "The included unit is not the one that has a price",
        "Include a unit that the plan has a price for.",
    ),
    Code(
        "manifest_overage_unpriced",
        "warning",
        "Calls beyond the included amount cost nothing",
        "Set a price per call or per token, or `overage: false`.",
    ),
    Code("manifest_limit_repeated", "error", "A plan has two limits of the same kind", "Keep one of them."),
    Code(
        "manifest_limit_default",
        "info",
        "The endpoint has the default limit",
        "Set `endpoint.limits` if the server can take more.",
    ),
    Code(
        "manifest_limit_burst",
        "error",
        "A quota has a burst",
        "Remove `burst`: only limits per second and minute have one.",
    ),
    Code(
        "manifest_limit_contradiction",
        "warning",
        "A limit can never be reached",
        "Raise the longer or lower the shorter one.",
    ),
    Code(
        "manifest_task_protocol",
        "warning",
        "The task does not fit the protocol",
        "A signal service has the task `signals`; others have another task or protocol.",
    ),
    Code(
        "manifest_licence_unknown",
        "error",
        "The licence is not an SPDX expression",
        "Write an SPDX identifier such as Apache-2.0, LicenseRef-your-name, or `proprietary`.",
    ),
    Code("manifest_repeated_value", "warning", "A list names a value twice", "Name it once."),
)

_OPENAPI = (
    Code(
        "openapi_too_large",
        "error",
        "The document is too large",
        "Keep it under 32 MiB; split the service or drop examples.",
    ),
    Code("openapi_not_text", "error", "The document is not UTF-8 text", "Save it as UTF-8."),
    Code("openapi_syntax", "error", "The document is neither JSON nor YAML", "Fix the line named."),
    Code(
        "openapi_too_deep",
        "error",
        "The document is nested too deeply",
        "Move inner schemas to components and refer to them.",
    ),
    Code("openapi_bomb", "error", "The document grows without bound", "Use $ref instead of nested YAML aliases."),
    Code(
        "openapi_not_mapping",
        "error",
        "The document is not an object",
        "Begin with `openapi: 3.1.0`, `info:`, `paths:`.",
    ),
    Code(
        "openapi_key_repeated", "warning", "A key occurs twice", "Keep one of the two; tools disagree on which counts."
    ),
    Code("openapi_version_missing", "error", "The document does not name its OpenAPI version", "Add `openapi: 3.1.0`."),
    Code(
        "openapi_version_unsupported",
        "error",
        "This version of OpenAPI is not supported",
        "Write the document as OpenAPI 3.0 or 3.1.",
    ),
    Code(
        "openapi_structure",
        "error",
        "A part has a type that no tool can use",
        "Give this part the type that OpenAPI names.",
    ),
    Code(
        "openapi_schema", "warning", "The document deviates from the OpenAPI schema", "Fix it; strict tools reject it."
    ),
    Code("openapi_schema_more", "info", "More deviations than are listed", "Fix those listed first."),
    Code("openapi_ref_missing", "error", "A reference points at nothing", "Correct the pointer or add what it names."),
    Code(
        "openapi_ref_remote",
        "error",
        "A reference leaves the document",
        "Bundle the document: no reference is fetched.",
    ),
    Code("openapi_ref_loop", "error", "A reference leads back to itself", "Break the cycle: define the part once."),
    Code("openapi_ref_malformed", "error", "A reference is not a pointer", "Write `#/components/…`."),
    Code(
        "openapi_operation_id_repeated",
        "warning",
        "Two operations share an operationId",
        "Give each operation its own; client generators need it.",
    ),
    Code(
        "openapi_path_parameter_undeclared",
        "warning",
        "A path's variable is not declared",
        "Declare it under parameters with `in: path` and `required: true`.",
    ),
    Code(
        "openapi_path_parameter_unused",
        "warning",
        "A declared path parameter is not in the path",
        "Correct its name, or remove it.",
    ),
    Code("openapi_path_parameter_optional", "warning", "A path parameter is not required", "Set `required: true`."),
    Code("openapi_parameter_repeated", "warning", "A parameter is declared twice", "Keep one of them."),
    Code(
        "openapi_path_template", "error", "A path's template cannot be read", "Write variables as `{name}`, each once."
    ),
    Code(
        "openapi_paths_equal",
        "error",
        "Two paths match the same requests",
        "Merge them: a router cannot tell them apart by the variable's name.",
    ),
    Code("openapi_path_query", "warning", "A path carries a query or fragment", "Declare query parameters instead."),
    Code("openapi_response_missing", "warning", "An operation has no response", "Describe at least its success."),
    Code(
        "openapi_success_missing",
        "info",
        "An operation describes no success",
        "Describe a 2xx, 3xx or default response.",
    ),
    Code("openapi_example_invalid", "warning", "An example does not fit its schema", "Fix the example or the schema."),
    Code("openapi_default_invalid", "warning", "A default does not fit its schema", "Fix the default or the schema."),
    Code(
        "openapi_pattern_unusable",
        "warning",
        "A pattern is not a regular expression of JSON Schema",
        "Write it in the dialect of ECMA-262.",
    ),
    Code(
        "openapi_security_scheme_unknown",
        "error",
        "A security requirement names no scheme",
        "Define the scheme under components.securitySchemes.",
    ),
    Code(
        "openapi_security_none",
        "warning",
        "The document does not say how callers authenticate",
        "Add securitySchemes and security.",
    ),
    Code(
        "openapi_security_in_query",
        "warning",
        "A key travels in the address",
        "Accept it in a header: addresses are logged.",
    ),
    Code("openapi_security_basic", "warning", "Passwords are sent with each call", "Use bearer tokens."),
    Code("openapi_oauth_plain", "warning", "An OAuth address is not encrypted", "Use https."),
    Code(
        "openapi_server_plain",
        "warning",
        "A server is not encrypted",
        "Serve it over https; the endpoint of the manifest is what counts.",
    ),
    Code(
        "openapi_server_credentials",
        "error",
        "A server's address carries a password",
        "Take it out, and change the password.",
    ),
    Code(
        "openapi_server_variable",
        "warning",
        "A server's variable is not defined",
        "Define it with a default, or write the address out.",
    ),
    Code(
        "openapi_server_base_differs",
        "warning",
        "The endpoint's address does not end in the server's path",
        "Add the server's path to `endpoint.url`, or correct the document's server.",
    ),
    Code(
        "openapi_path_repeats_base",
        "warning",
        "Every path repeats the end of the endpoint's address",
        "Write the paths without it and add a server whose address ends in it, such as `servers: [{url: /v1}]`.",
    ),
    Code(
        "openapi_server_override",
        "warning",
        "An operation names a server that calls do not go to",
        "Serve the operation at `endpoint.url`, or publish it as a separate service.",
    ),
    Code(
        "openapi_operation_ignored",
        "warning",
        "Part of a path item is not an operation and is not published",
        "Write the method in lower case; OpenAPI knows get, put, post, delete, options, head, patch and trace.",
    ),
    Code(
        "openapi_operation_twice",
        "warning",
        "An operation is described twice",
        "Keep it beside the path's `$ref` or in its target: OpenAPI does not define which one counts.",
    ),
    Code("openapi_title_missing", "warning", "`info.title` is missing", "Name the API."),
    Code("openapi_info_version_missing", "warning", "`info.version` is missing", "Write the release's version."),
    Code(
        "openapi_info_version_differs",
        "warning",
        "`info.version` is not the manifest's version",
        "Use the same version in both: readers see it as the release's version.",
    ),
    Code("openapi_no_operation", "error", "The document describes no operation", "Describe at least one under paths."),
    Code(
        "openapi_path_reserved",
        "error",
        "A path belongs to the marketplace",
        "Move it: the gateway uses these paths itself.",
    ),
    Code("openapi_too_many_operations", "error", "The document has too many operations", "Split the service."),
    Code("openapi_summary_missing", "info", "An operation has no summary", "One sentence lets people find it."),
    Code(
        "openapi_contract_missing",
        "error",
        "No operation implements the signal contract",
        "Describe a POST whose JSON body is a SignalInferenceRequest, as the template signal-http does.",
    ),
)

_VERSIONS = (
    Code(
        "canary_not_newest",
        "error",
        "Only the newest version can be a canary",
        "Remove `canary`: all calls whose range allows this version then go to it at once. Or raise the "
        "version above the newest.",
    ),
    Code(
        "canary_without_effect",
        "warning",
        "There is no older live release for a canary",
        "Nothing, or remove `canary`: this version takes all its calls from the start.",
    ),
    Code("version_not_semver", "error", "The version is not SemVer", "Write three numbers such as 1.4.0."),
    Code(
        "version_not_higher",
        "error",
        "The version is not above the last release",
        "Use the version named, or a higher one.",
    ),
    Code(
        "version_bump_too_small",
        "error",
        "The changes need a larger version step",
        "Use the version named, or undo the breaking changes.",
    ),
    Code(
        "version_precedence_equal",
        "error",
        "Only build metadata differs",
        "Raise the patch number: metadata does not order releases.",
    ),
    Code(
        "change_breaking",
        "warning",
        "A change breaks callers",
        "Keep the old form beside the new one, or release a new major version.",
    ),
    Code(
        "change_not_understood",
        "warning",
        "A change cannot be judged",
        "Release a new major version, or describe the part named with keywords of OpenAPI and JSON Schema 2020-12.",
    ),
    Code("change_compatible", "info", "A change that callers need not react to", "Nothing."),
    Code(
        "diff_incomplete",
        "warning",
        "The documents could not be compared completely",
        "Release a new major version, and split or simplify the document.",
    ),
)

_SECRETS = (
    Code(
        "secret_found",
        "error",
        "The text contains a secret",
        "Revoke it now, then remove it: anything sent must be considered known.",
    ),
    Code(
        "secret_suspected",
        "warning",
        "This looks like a secret",
        "If it is one, revoke and remove it; otherwise shorten the example.",
    ),
    Code(
        "pickle_found",
        "error",
        "The text contains a pickle",
        "Provide models as ONNX or LightGBM text: pickles run code.",
    ),
    Code(
        "pickle_linked",
        "error",
        "The text links to a pickle",
        "Link ONNX, safetensors or LightGBM text: pickles run code.",
    ),
)

_ENDPOINT = (
    Code("address_malformed", "error", "The address cannot be read", "Write https://host[:port]/path."),
    Code("address_scheme", "error", "Only http and https are called", "Use https."),
    Code("address_userinfo", "error", "The address carries a user or password", "Take it out."),
    Code(
        "address_disguised",
        "error",
        "The host is a number in an unusual notation",
        "Write four decimal numbers or a name.",
    ),
    Code("address_port", "error", "This port belongs to another service", "Serve HTTP on a port meant for it."),
    Code("address_unresolved", "error", "The host has no address", "Check the name and its DNS records."),
    Code(
        "address_refused",
        "error",
        "The host's address is not public",
        "Use a public address, or ask the operator to allow this network.",
    ),
    Code("probe_unreachable", "error", "The endpoint did not answer", "Start it, and check address and port."),
    Code(
        "probe_tls", "error", "The endpoint's certificate is not valid", "Install a certificate that names this host."
    ),
    Code(
        "probe_timeout",
        "error",
        "The endpoint was too slow to answer",
        "Answer within the manifest's timeout_seconds, and a test call within 30 s; load models before the first call.",
    ),
    Code("probe_too_large", "error", "The answer is too large", "Return less for the small test call."),
    Code("probe_redirect", "error", "The endpoint redirects", "Use the final address: redirects are not followed."),
    Code(
        "probe_not_http",
        "error",
        "The endpoint's response is not valid HTTP",
        "Check the server's framing and port.",
    ),
    Code(
        "probe_status",
        "error",
        "The test call was refused",
        "Check the status; the endpoint must implement its own contract.",
    ),
    Code("probe_not_json", "error", "The answer is not JSON", "Answer application/json in UTF-8."),
    Code("probe_contract", "error", "The response breaks the contract", "Return the fields named."),
    Code(
        "probe_not_deterministic",
        "error",
        "The same request got two different responses",
        "Set fixed seeds; a signal must be reproducible.",
    ),
    Code(
        "probe_order_dependent",
        "error",
        "Scores depend on the order of the ids",
        "Score each id by its own features and those of its era, independently of their order.",
    ),
    Code(
        "probe_look_ahead",
        "error",
        "An era's scores depend on later eras",
        "Use an era's own features and those of earlier eras only: nobody knows the future.",
    ),
    Code(
        "probe_constant",
        "warning",
        "All ids get the same score",
        "Check that the model knows the features it receives; a constant carries no information.",
    ),
    Code(
        "probe_undocumented",
        "error",
        "The response is not documented",
        "Add the status and media type to the document.",
    ),
    Code(
        "probe_body_mismatch",
        "warning",
        "The response does not fit its documented schema",
        "Fix the schema or the response.",
    ),
    Code("probe_model_unlisted", "warning", "The model is not in the server's list", "Check `endpoint.model`."),
    Code(
        "probe_usage_missing",
        "warning",
        "The response does not report its tokens",
        "Return `usage`; otherwise the gateway estimates it.",
    ),
    Code(
        "probe_nothing_callable",
        "info",
        "No operation can be called without input chosen by a person",
        "Add a GET without required parameters, such as /health.",
    ),
    Code("probe_task_untested", "info", "There is no test call for this task", "Nothing; an approver looks at it."),
    Code(
        "measure_slow", "warning", "The endpoint is slower than the policy allows", "Make it faster, or move it closer."
    ),
    Code("measure_errors", "error", "Too many test calls failed", "Fix the endpoint, then submit again."),
    Code(
        "measure_too_few",
        "warning",
        "Too few calls fitted into the time",
        "Make it faster; the measurements are rough.",
    ),
)

_PROJECT = (
    Code("project_not_runnable", "error", "The project does not run", "Fix what the message names; `mp dev` shows it."),
    Code("cold_start_slow", "error", "The service starts too slowly", "Load less at import, or use a smaller model."),
    Code(
        "inference_too_slow",
        "error",
        "An inference takes longer than the contract allows",
        "Respond within 100 ms: do work that is the same for every call once, in `Handler.__init__`.",
    ),
    Code("training_failed", "error", "Training does not run", "Fix what the message names."),
    Code(
        "shuffled_targets_score",
        "error",
        "The model scores on shuffled targets",
        "Nothing can be learned there: look for the target among the features, or for scores on training data.",
    ),
    Code("memory_too_large", "error", "The service uses too much memory", "Use less, or deploy it with --memory."),
)

_PIPELINE = (
    Code(
        "check_cpu_limit",
        "error",
        "The check needs more CPU time than allowed",
        "Make the text shorter or simpler: split long values, lists and names; then submit again.",
    ),
    Code(
        "check_memory_limit",
        "error",
        "The check needs more memory than allowed",
        "Make the document smaller, then submit again.",
    ),
    Code(
        "check_deadline",
        "error",
        "The phase did not finish before its deadline",
        "Submit again; if it happens again, make the document smaller or the endpoint faster, or ask the operator.",
    ),
    Code(
        "check_crashed",
        "error",
        "The check ended twice without a result",
        "Give the operator the submission's id; the same document written differently may pass.",
    ),
    Code(
        "check_abandoned",
        "error",
        "The phase was interrupted twice and is not retried",
        "Submit again; if it happens again, give the operator the submission's id.",
    ),
    Code("digest_mismatch", "error", "The stored content differs from what was submitted", "Submit it again."),
    Code(
        "version_exists",
        "error",
        "The version is already released",
        "Raise `version` in service.yaml; a released version never changes.",
    ),
    Code(
        "protocol_changed",
        "error",
        "The service speaks another protocol",
        "Publish it as a separate service under another name.",
    ),
    Code(
        "policy_forbidden",
        "error",
        "The operator's rules forbid this release",
        "Change what the rule objects to, or ask the operator.",
    ),
    Code(
        "approval_rejected",
        "error",
        "An approver rejected the submission",
        "Fix what the reason names and submit again.",
    ),
    Code(
        "release_overtaken",
        "error",
        "Another version was released in the meantime",
        "Submit it again to compare it with the current release.",
    ),
    Code(
        "vendor_suspended",
        "warning",
        "The vendor is suspended",
        "Settle it with the operator; the approved release continues once your organisation is reinstated.",
    ),
)

CODES: dict[str, Code] = {
    code.code: code for code in (*_MANIFEST, *_OPENAPI, *_VERSIONS, *_SECRETS, *_ENDPOINT, *_PROJECT, *_PIPELINE)
}


def found(code: str, where: str, message: str, *, level: Level | None = None, fix: str | None = None) -> Finding:
    """A finding of this code; `level` and `fix` are the table's unless given."""
    entry = CODES[code]
    return Finding(code, level or entry.level, where, message, fix or entry.fix)


def capped(findings: Iterable[Finding], most: int) -> list[Finding]:
    """At most `most` findings of each code, to keep a mistake that is made a thousand times readable."""
    kept: list[Finding] = []
    seen: dict[str, int] = {}
    for finding in findings:
        seen[finding.code] = seen.get(finding.code, 0) + 1
        if seen[finding.code] <= most:
            kept.append(finding)
    return kept + [
        Finding(code, "info", "", f"{count - most} more findings of this kind are not listed.", CODES[code].fix)
        for code, count in seen.items()
        if count > most
    ]
