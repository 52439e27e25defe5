# Written for the provider's version 3.39, with which it was applied, and for what 3.x understands since.
terraform {
  required_version = ">= 1.0.3"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 3.39, < 4.0" }
  }
}
