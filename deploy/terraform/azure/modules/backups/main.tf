# The database every week into a vault of its own (it takes this kind of database no more often), beside its own copies
# to any moment.
variable "name" { type = string }
variable "group" { type = string }
variable "group_id" { type = string }
variable "region" { type = string }
variable "database" { type = string }
variable "production" { type = bool }
variable "tags" { type = map(string) }

resource "azurerm_data_protection_backup_vault" "main" {
  name                = var.name
  resource_group_name = var.group
  location            = var.region
  datastore_type      = "VaultStore"
  redundancy          = "ZoneRedundant"
  soft_delete         = "On"
  tags                = var.tags
  identity { type = "SystemAssigned" }
}

resource "azurerm_role_assignment" "database" {
  scope                = var.database
  role_definition_name = "PostgreSQL Flexible Server Long Term Retention Backup Role"
  principal_id         = azurerm_data_protection_backup_vault.main.identity[0].principal_id
}

resource "azurerm_role_assignment" "group" {
  scope                = var.group_id
  role_definition_name = "Reader"
  principal_id         = azurerm_data_protection_backup_vault.main.identity[0].principal_id
}

resource "azurerm_data_protection_backup_policy_postgresql_flexible_server" "weekly" {
  name                            = "weekly"
  vault_id                        = azurerm_data_protection_backup_vault.main.id
  backup_repeating_time_intervals = ["R/2026-11-29T03:15:00+00:00/P1W"]
  default_retention_rule {
    life_cycle {
      data_store_type = "VaultStore"
      duration        = var.production ? "P3M" : "P1M"
    }
  }
}

resource "azurerm_data_protection_backup_instance_postgresql_flexible_server" "database" {
  name             = "database"
  vault_id         = azurerm_data_protection_backup_vault.main.id
  location         = var.region
  server_id        = var.database
  backup_policy_id = azurerm_data_protection_backup_policy_postgresql_flexible_server.weekly.id
  depends_on       = [azurerm_role_assignment.database, azurerm_role_assignment.group]
}
