# Written for the provider's version 6.50, whose arguments a test compares these files with. Nothing of it was ever applied.
terraform {
  required_version = ">= 1.3"
  required_providers {
    google = { source = "hashicorp/google", version = ">= 6.50, < 7.0" }
  }
}
