# Datasets, models and logs, and a container for backups: private, versioned, sealed, over TLS alone, copied to three
# zones. Azure speaks no S3, as the marketplace does: an S3 service in the cluster stands before the container `objects`.
# pgBackRest knows the container `backups` by itself (`repo-type=azure`).
variable "name" { type = string }
variable "group" { type = string }
variable "region" { type = string }
variable "network" { type = string }
variable "subnet" { type = string }
variable "key" { type = string }
variable "identity" { type = string }
variable "tags" { type = map(string) }

locals {
  containers = toset(["objects", "backups"])
}

data "azurerm_client_config" "us" {}

# Names of accounts are taken in all of Azure, and have 24 letters and digits.
resource "azurerm_storage_account" "ours" {
  name                            = "${substr(replace(var.name, "-", ""), 0, 16)}${substr(sha256("${data.azurerm_client_config.us.subscription_id}/${var.name}"), 0, 8)}"
  resource_group_name             = var.group
  location                        = var.region
  account_tier                    = "Standard"
  account_replication_type        = "ZRS"
  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  allow_nested_items_to_be_public = false
  shared_access_key_enabled       = false
  public_network_access_enabled   = false
  tags                            = var.tags
  blob_properties {
    versioning_enabled = true
    delete_retention_policy { days = 35 }
    container_delete_retention_policy { days = 35 }
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity]
  }
  customer_managed_key {
    key_vault_key_id          = var.key
    user_assigned_identity_id = var.identity
  }
  lifecycle { prevent_destroy = true }
}

resource "azurerm_storage_container" "ours" {
  for_each              = local.containers
  name                  = each.key
  storage_account_id    = azurerm_storage_account.ours.id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "old" {
  storage_account_id = azurerm_storage_account.ours.id
  rule {
    name    = "old"
    enabled = true
    filters { blob_types = ["blockBlob"] }
    actions {
      version { delete_after_days_since_creation = 35 }
    }
  }
}

resource "azurerm_private_dns_zone" "objects" {
  name                = "privatelink.blob.core.windows.net"
  resource_group_name = var.group
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "objects" {
  name                  = "objects"
  resource_group_name   = var.group
  private_dns_zone_name = azurerm_private_dns_zone.objects.name
  virtual_network_id    = var.network
  tags                  = var.tags
}

resource "azurerm_private_endpoint" "objects" {
  name                = "${var.name}-objects"
  resource_group_name = var.group
  location            = var.region
  subnet_id           = var.subnet
  tags                = var.tags
  private_service_connection {
    name                           = "objects"
    private_connection_resource_id = azurerm_storage_account.ours.id
    subresource_names              = ["blob"]
    is_manual_connection           = false
  }
  private_dns_zone_group {
    name                 = "objects"
    private_dns_zone_ids = [azurerm_private_dns_zone.objects.id]
  }
}

output "bucket" { value = "${azurerm_storage_account.ours.name}/${azurerm_storage_container.ours["objects"].name}" }
output "backups_bucket" { value = "${azurerm_storage_account.ours.name}/${azurerm_storage_container.ours["backups"].name}" }
