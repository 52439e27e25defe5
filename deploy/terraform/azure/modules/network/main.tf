# Private subnets, which span the zones, and one way out that lets nothing in.
variable "name" { type = string }
variable "group" { type = string }
variable "region" { type = string }
variable "cidr" { type = string }
variable "tags" { type = map(string) }

resource "azurerm_virtual_network" "main" {
  name                = var.name
  resource_group_name = var.group
  location            = var.region
  address_space       = [var.cidr]
  tags                = var.tags
}

resource "azurerm_subnet" "private" {
  name                 = "private"
  resource_group_name  = var.group
  virtual_network_name = azurerm_virtual_network.main.name
  address_prefixes     = [cidrsubnet(var.cidr, 4, 0)]
}

# PostgreSQL wants a subnet that nobody else has.
resource "azurerm_subnet" "database" {
  name                 = "database"
  resource_group_name  = var.group
  virtual_network_name = azurerm_virtual_network.main.name
  address_prefixes     = [cidrsubnet(var.cidr, 8, 16)]
  delegation {
    name = "postgresql"
    service_delegation {
      name    = "Microsoft.DBforPostgreSQL/flexibleServers"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_public_ip" "out" {
  name                = "${var.name}-out"
  resource_group_name = var.group
  location            = var.region
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = var.tags
}

# Of this kind each lives in one zone. Where the way out must outlive a zone, take one of the kind StandardV2.
resource "azurerm_nat_gateway" "out" {
  name                = "${var.name}-out"
  resource_group_name = var.group
  location            = var.region
  sku_name            = "Standard"
  tags                = var.tags
}

resource "azurerm_nat_gateway_public_ip_association" "out" {
  nat_gateway_id       = azurerm_nat_gateway.out.id
  public_ip_address_id = azurerm_public_ip.out.id
}

resource "azurerm_subnet_nat_gateway_association" "private" {
  subnet_id      = azurerm_subnet.private.id
  nat_gateway_id = azurerm_nat_gateway.out.id
  depends_on     = [azurerm_nat_gateway_public_ip_association.out]
}

output "id" { value = azurerm_virtual_network.main.id }
output "database_subnet" { value = azurerm_subnet.database.id }

# With its way out, which nodes need to begin.
output "private_subnet" {
  value      = azurerm_subnet.private.id
  depends_on = [azurerm_subnet_nat_gateway_association.private]
}
