"""AWS by Terraform: valid, applied against a stand-in of AWS by the real provider, and then without changes.

The stand-in (moto) knows no members of a Redis group, no configuration of Kafka, no selection of backups and no
OpenSearch by CloudFormation: those four modules are planned whole and not applied.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_ports
from tests.support.reader import ROOT
from tests.support.running import SECONDS, eventually, get

_AWS = ROOT / "deploy/terraform/aws"
_TOOLS = ROOT / ".tools/terraform"
_APPLIED = ("keys", "network", "cluster", "database", "objects")
_GIVEN = {
    "region": "eu-west-1",
    "admin_cidrs": '["192.0.2.0/24"]',
    "database_password": "only of this test, and long",
    "cache_password": "only-of-this-test-and-long",
}
_SERVICES = ("backup", "cloudformation", "ec2", "eks", "elasticache", "iam", "kafka", "kms", "rds", "s3", "sts")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not (_TOOLS / "ready").exists(), reason="Terraform is not there: scripts/terraform-tools"),
]


class Terraform:
    """The configuration in a folder of its own, pointed at the stand-in."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = shutil.copytree(_AWS, folder / "aws")
        self._port = port
        endpoints = "\n".join(f'    {name} = "http://127.0.0.1:{port}"' for name in _SERVICES)
        (self._folder / "stand_in_override.tf").write_text(
            'provider "aws" {\n  access_key = "test"\n  secret_key = "test"\n  s3_force_path_style = true\n'
            "  skip_credentials_validation = true\n  skip_metadata_api_check = true\n"
            f"  endpoints {{\n{endpoints}\n  }}\n}}\n"
        )

    def run(self, *words: str, expect: int = 0) -> str:
        """What it prints."""
        environment = os.environ | {"TF_CLI_CONFIG_FILE": str(_TOOLS / "rc"), "CHECKPOINT_DISABLE": "1"}
        done = subprocess.run(
            [_TOOLS / "terraform", *words], cwd=self._folder, env=environment, capture_output=True, text=True,
            timeout=1700,
        )  # fmt: skip
        assert done.returncode == expect, (done.stdout + done.stderr)[-3000:]
        return done.stdout + done.stderr


@pytest.fixture
def terraform(tmp_path: Path) -> Iterator[Terraform]:
    (port,) = free_ports(1)
    moto = _TOOLS / "moto/bin/moto_server"
    process = subprocess.Popen(
        [moto, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
    )  # fmt: skip
    try:
        eventually(lambda: get(port, "/moto-api/")[0] == 200, "the stand-in of AWS answers")
        terraform = Terraform(tmp_path, port)
        terraform.run("init", "-no-color")
        yield terraform
    finally:
        process.terminate()
        process.wait(SECONDS)


def _given(environment: str, **more: str) -> list[str]:
    given = {"environment": environment} | _GIVEN | more
    return ["-no-color", *(f"-var={name}={value}" for name, value in given.items())]


def test_it_is_valid_and_formatted(terraform: Terraform) -> None:
    terraform.run("validate", "-no-color")
    terraform.run("fmt", "-check", "-recursive", str(_AWS))


def test_every_environment_is_planned_whole(terraform: Terraform) -> None:
    for environment, zones in (("development", 2), ("production", 3)):
        terraform.run("plan", "-out=plan", *_given(environment))
        plan = json.loads(terraform.run("show", "-json", "plan"))
        kinds = [each["type"] for each in plan["resource_changes"] if each["mode"] == "managed"]
        assert kinds.count("aws_subnet") == 2 * zones
        assert kinds.count("aws_nat_gateway") == (zones if environment == "production" else 1)
        assert {"aws_eks_cluster", "aws_db_instance", "aws_msk_cluster", "aws_cloudformation_stack"} <= set(kinds)
        (database,) = [each for each in plan["resource_changes"] if each["type"] == "aws_db_instance"]
        after = database["change"]["after"]
        assert after["multi_az"]
        assert after["storage_encrypted"]
        assert after["deletion_protection"] == (environment == "production")


def test_what_is_applied_is_not_changed_again(terraform: Terraform) -> None:
    targets = [f"-target=module.{name}" for name in _APPLIED]
    done = terraform.run("apply", "-auto-approve", *targets, *_given("production"))
    assert "Apply complete!" in done
    terraform.run("plan", "-out=again", *targets, *_given("production"))
    plan = json.loads(terraform.run("show", "-json", "again"))
    changed = [
        each["address"] for each in plan["resource_changes"] if each["change"]["actions"] not in (["no-op"], ["read"])
    ]
    assert changed == ["module.cluster.aws_eks_node_group.main"], "moto invents an SSH key of the nodes, and no more"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("environment", "prod", "The environment is development, staging or production."),
        ("admin_cidrs", '["0.0.0.0/0"]', "Name your networks"),
        ("network_cidr", "10.0.0.0/24", "The network is a /16"),
        ("database_password", "short", "at least 24 characters"),
        ("name", "Mercato!", "lower-case letters"),
    ],
)
def test_what_cannot_be_meant_is_refused(terraform: Terraform, name: str, value: str, sentence: str) -> None:
    words = _given("development") if name == "environment" else _given("development", **{name: value})
    if name == "environment":
        words = [word.replace("environment=development", f"environment={value}") for word in words]
    output = " ".join(terraform.run("plan", *words, expect=1).split())
    assert sentence in output
