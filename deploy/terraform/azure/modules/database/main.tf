# PostgreSQL with a standby in another zone, backed up to any moment of the last fortnight. It takes connections over
# TLS alone unless a parameter says otherwise.
variable "name" { type = string }
variable "group" { type = string }
variable "region" { type = string }
variable "network" { type = string }
variable "subnet" { type = string }
variable "key" { type = string }
variable "identity" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
variable "machine" { type = string }
variable "disk_gb" { type = number }
variable "production" { type = bool }
variable "tags" { type = map(string) }

resource "azurerm_private_dns_zone" "database" {
  name                = "${var.name}.private.postgres.database.azure.com"
  resource_group_name = var.group
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "database" {
  name                  = var.name
  resource_group_name   = var.group
  private_dns_zone_name = azurerm_private_dns_zone.database.name
  virtual_network_id    = var.network
  tags                  = var.tags
}

resource "azurerm_postgresql_flexible_server" "database" {
  name                          = var.name
  resource_group_name           = var.group
  location                      = var.region
  version                       = "15"
  sku_name                      = var.machine
  storage_mb                    = var.disk_gb * 1024
  auto_grow_enabled             = true
  administrator_login           = "mercato"
  administrator_password        = var.password
  delegated_subnet_id           = var.subnet
  private_dns_zone_id           = azurerm_private_dns_zone.database.id
  public_network_access_enabled = false
  backup_retention_days         = 14
  zone                          = "1"
  tags                          = var.tags
  high_availability {
    mode                      = "ZoneRedundant"
    standby_availability_zone = "2"
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity]
  }
  customer_managed_key {
    key_vault_key_id                  = var.key
    primary_user_assigned_identity_id = var.identity
  }
  # After a failover the two have changed places.
  lifecycle { ignore_changes = [zone, high_availability[0].standby_availability_zone] }
  depends_on = [azurerm_private_dns_zone_virtual_network_link.database]
}

resource "azurerm_postgresql_flexible_server_database" "mercato" {
  name      = "mercato"
  server_id = azurerm_postgresql_flexible_server.database.id
}

resource "azurerm_management_lock" "database" {
  count      = var.production ? 1 : 0
  name       = "not-by-mistake"
  scope      = azurerm_postgresql_flexible_server.database.id
  lock_level = "CanNotDelete"
  notes      = "It holds the marketplace."
}

output "id" { value = azurerm_postgresql_flexible_server.database.id }
output "address" { value = "${azurerm_postgresql_flexible_server.database.fqdn}:5432" }
