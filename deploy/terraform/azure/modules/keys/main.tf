# One key for data at rest, lent to the services that keep it by one identity. Whoever deletes it has ninety days to
# change their mind, and nobody can shorten them.
variable "name" { type = string }
variable "group" { type = string }
variable "region" { type = string }
variable "tags" { type = map(string) }

data "azurerm_client_config" "us" {}

# Names of vaults are taken in all of Azure, and have 24 characters.
resource "azurerm_key_vault" "main" {
  name                       = "${substr(var.name, 0, 17)}-${substr(sha256("${data.azurerm_client_config.us.subscription_id}/${var.name}"), 0, 6)}"
  resource_group_name        = var.group
  location                   = var.region
  tenant_id                  = data.azurerm_client_config.us.tenant_id
  sku_name                   = "premium"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 90
  tags                       = var.tags
}

resource "azurerm_role_assignment" "us" {
  scope                = azurerm_key_vault.main.id
  role_definition_name = "Key Vault Crypto Officer"
  principal_id         = data.azurerm_client_config.us.object_id
}

resource "azurerm_key_vault_key" "data" {
  name         = "data"
  key_vault_id = azurerm_key_vault.main.id
  key_type     = "RSA-HSM"
  key_size     = 3072
  key_opts     = ["wrapKey", "unwrapKey"]
  rotation_policy {
    automatic { time_after_creation = "P90D" }
  }
  tags       = var.tags
  depends_on = [azurerm_role_assignment.us]
  lifecycle { prevent_destroy = true }
}

resource "azurerm_user_assigned_identity" "data" {
  name                = "${var.name}-data"
  resource_group_name = var.group
  location            = var.region
  tags                = var.tags
}

resource "azurerm_role_assignment" "lent" {
  scope                = azurerm_key_vault.main.id
  role_definition_name = "Key Vault Crypto Service Encryption User"
  principal_id         = azurerm_user_assigned_identity.data.principal_id
}

# Whoever uses the key waits until it is lent. Without a version, so that services follow its rotation.
output "id" {
  value      = azurerm_key_vault_key.data.versionless_id
  depends_on = [azurerm_role_assignment.lent]
}
output "identity" { value = azurerm_user_assigned_identity.data.id }
output "principal" { value = azurerm_user_assigned_identity.data.principal_id }
