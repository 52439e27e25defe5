# Written for the provider's version 4.55, whose arguments a test compares these files with. Nothing of it was ever applied.
terraform {
  required_version = ">= 1.3"
  required_providers {
    azurerm = { source = "hashicorp/azurerm", version = ">= 4.55, < 5.0" }
  }
}
