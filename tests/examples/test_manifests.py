"""What the examples ship can be published as it is."""

from pathlib import Path

import pytest
import yaml
from openapi_spec_validator import validate

from mercato_contracts.manifest import ServiceManifest

EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "examples").glob("*/service.yaml"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_a_manifest_fits_the_format_and_is_named_as_its_folder(folder: Path) -> None:
    manifest = ServiceManifest.model_validate(yaml.safe_load((folder / "service.yaml").read_text()))
    assert manifest.name == folder.name
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_openapi_document_is_valid_and_of_the_release_that_the_manifest_names(folder: Path) -> None:
    manifest = yaml.safe_load((folder / "service.yaml").read_text())
    document = yaml.safe_load((folder / manifest["openapi"]).read_text())
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == manifest["version"]
