"""The checks of a release, used by the publishing pipeline and by `mp validate`: the same code, so the same verdict.

Pure decisions: no database, no framework, no clock of their own. Each check is a function from typed input to findings
(`findings.Finding`) and typed facts; every code that it can give stands in the table `codes.CODES`. The network is
touched only by `addresses` (through a `Resolver`) and by what is handed an `Endpoint`. Import the module you need:

* `manifest.check_manifest`: phase 2, `service.yaml`
* `openapi.check_openapi`: phase 3, five layers
* `diff.check_version`: phase 4, with `semver` beneath it
* `content.scan_content`: phase 5, with `secrets` beneath it
* `addresses.check_address`, `endpoint.PinnedEndpoint`, `probe.probe_endpoint`: phase 6
* `measure.measure_endpoint`: phase 7
"""
