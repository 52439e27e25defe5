# Event Hubs, which speaks Kafka's protocol, in place of Kafka: each topic is an event hub, which the worker makes. Whoever
# comes shows `$ConnectionString` as the name and a connection string as the password; the worker's has the right Manage.
variable "name" { type = string }
variable "group" { type = string }
variable "region" { type = string }
variable "network" { type = string }
variable "subnet" { type = string }
variable "key" { type = string }
variable "identity" { type = string }
variable "units" { type = number }
variable "tags" { type = map(string) }

resource "azurerm_eventhub_namespace" "kafka" {
  name                          = "${var.name}-events"
  resource_group_name           = var.group
  location                      = var.region
  sku                           = "Premium"
  capacity                      = var.units
  minimum_tls_version           = "1.2"
  public_network_access_enabled = false
  tags                          = var.tags
  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity]
  }
}

resource "azurerm_eventhub_namespace_customer_managed_key" "kafka" {
  eventhub_namespace_id     = azurerm_eventhub_namespace.kafka.id
  key_vault_key_ids         = [var.key]
  user_assigned_identity_id = var.identity
}

resource "azurerm_private_dns_zone" "kafka" {
  name                = "privatelink.servicebus.windows.net"
  resource_group_name = var.group
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "kafka" {
  name                  = "kafka"
  resource_group_name   = var.group
  private_dns_zone_name = azurerm_private_dns_zone.kafka.name
  virtual_network_id    = var.network
  tags                  = var.tags
}

resource "azurerm_private_endpoint" "kafka" {
  name                = "${var.name}-events"
  resource_group_name = var.group
  location            = var.region
  subnet_id           = var.subnet
  tags                = var.tags
  private_service_connection {
    name                           = "events"
    private_connection_resource_id = azurerm_eventhub_namespace.kafka.id
    subresource_names              = ["namespace"]
    is_manual_connection           = false
  }
  private_dns_zone_group {
    name                 = "events"
    private_dns_zone_ids = [azurerm_private_dns_zone.kafka.id]
  }
}

output "addresses" { value = "${azurerm_eventhub_namespace.kafka.name}.servicebus.windows.net:9093" }
