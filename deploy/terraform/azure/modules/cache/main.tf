# Redis for what is lent to gateways: with a copy that takes over, reached from inside alone. Its password is its own
# invention. One shard, because our scripts read and write keys of several slots at once.
variable "name" { type = string }
variable "group" { type = string }
variable "region" { type = string }
variable "network" { type = string }
variable "subnet" { type = string }
variable "key" { type = string }
variable "identity" { type = string }
variable "machine" { type = string }
variable "tags" { type = map(string) }

resource "azurerm_managed_redis" "cache" {
  name                      = var.name
  resource_group_name       = var.group
  location                  = var.region
  sku_name                  = var.machine
  high_availability_enabled = true
  public_network_access     = "Disabled"
  tags                      = var.tags
  default_database {
    access_keys_authentication_enabled = true
    client_protocol                    = "Encrypted"
    clustering_policy                  = "NoCluster"
    eviction_policy                    = "NoEviction"
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity]
  }
  customer_managed_key {
    key_vault_key_id          = var.key
    user_assigned_identity_id = var.identity
  }
}

resource "azurerm_private_dns_zone" "cache" {
  name                = "privatelink.redis.azure.net"
  resource_group_name = var.group
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "cache" {
  name                  = "cache"
  resource_group_name   = var.group
  private_dns_zone_name = azurerm_private_dns_zone.cache.name
  virtual_network_id    = var.network
  tags                  = var.tags
}

resource "azurerm_private_endpoint" "cache" {
  name                = "${var.name}-cache"
  resource_group_name = var.group
  location            = var.region
  subnet_id           = var.subnet
  tags                = var.tags
  private_service_connection {
    name                           = "cache"
    private_connection_resource_id = azurerm_managed_redis.cache.id
    subresource_names              = ["redisEnterprise"]
    is_manual_connection           = false
  }
  private_dns_zone_group {
    name                 = "cache"
    private_dns_zone_ids = [azurerm_private_dns_zone.cache.id]
  }
}

output "address" { value = "${azurerm_managed_redis.cache.hostname}:10000" }
output "password" {
  value     = azurerm_managed_redis.cache.default_database[0].primary_access_key
  sensitive = true
}
