# The subscription is the one that ARM_SUBSCRIPTION_ID names. Whoever applies it may assign roles in it.
provider "azurerm" {
  features {}
  storage_use_azuread = true
}

locals {
  name       = "${var.name}-${var.environment}"
  production = var.environment == "production"
  zones      = local.production ? ["1", "2", "3"] : ["1", "2"]
  tags       = { project = var.name, environment = var.environment, managed-by = "terraform" }
  # Of Kafka the size is Event Hubs' processing units, and its disk comes with them.
  small = {
    node     = "Standard_D2s_v5", nodes_least = 2, nodes_most = 6
    database = "GP_Standard_D2ds_v5", database_gb = 64
    cache    = "Balanced_B1"
    kafka    = "1", kafka_gb = 0
    search   = "Standard_D2s_v5", search_gb = 32
  }
  large = {
    node     = "Standard_D8s_v5", nodes_least = 3, nodes_most = 60
    database = "MO_Standard_E8ds_v5", database_gb = 1024
    cache    = "Balanced_B10"
    kafka    = "2", kafka_gb = 0
    search   = "Standard_E2s_v5", search_gb = 256
  }
  sizes = var.sizes != null ? var.sizes : local.production ? local.large : local.small
}

resource "azurerm_resource_group" "main" {
  name     = local.name
  location = var.region
  tags     = local.tags
}

module "keys" {
  source = "./modules/keys"
  name   = local.name
  group  = azurerm_resource_group.main.name
  region = var.region
  tags   = local.tags
}

module "network" {
  source = "./modules/network"
  name   = local.name
  group  = azurerm_resource_group.main.name
  region = var.region
  cidr   = var.network_cidr
  tags   = local.tags
}

module "cluster" {
  source      = "./modules/cluster"
  name        = local.name
  group       = azurerm_resource_group.main.name
  region      = var.region
  zones       = local.zones
  subnet      = module.network.private_subnet
  admin_cidrs = var.admin_cidrs
  key         = module.keys.id
  identity    = module.keys.identity
  principal   = module.keys.principal
  network     = module.network.id
  node        = local.sizes.node
  least       = local.sizes.nodes_least
  most        = local.sizes.nodes_most
  production  = local.production
  tags        = local.tags
}

module "database" {
  source     = "./modules/database"
  name       = local.name
  group      = azurerm_resource_group.main.name
  region     = var.region
  network    = module.network.id
  subnet     = module.network.database_subnet
  key        = module.keys.id
  identity   = module.keys.identity
  password   = var.database_password
  machine    = local.sizes.database
  disk_gb    = local.sizes.database_gb
  production = local.production
  tags       = local.tags
}

module "cache" {
  source   = "./modules/cache"
  name     = local.name
  group    = azurerm_resource_group.main.name
  region   = var.region
  network  = module.network.id
  subnet   = module.network.private_subnet
  key      = module.keys.id
  identity = module.keys.identity
  machine  = local.sizes.cache
  tags     = local.tags
}

module "kafka" {
  source   = "./modules/kafka"
  name     = local.name
  group    = azurerm_resource_group.main.name
  region   = var.region
  network  = module.network.id
  subnet   = module.network.private_subnet
  key      = module.keys.id
  identity = module.keys.identity
  units    = tonumber(local.sizes.kafka)
  tags     = local.tags
}

module "search" {
  source  = "./modules/search"
  cluster = module.cluster.id
  zones   = local.zones
  subnet  = module.network.private_subnet
  machine = local.sizes.search
  disk_gb = local.sizes.search_gb
  tags    = local.tags
}

module "objects" {
  source   = "./modules/objects"
  name     = local.name
  group    = azurerm_resource_group.main.name
  region   = var.region
  network  = module.network.id
  subnet   = module.network.private_subnet
  key      = module.keys.id
  identity = module.keys.identity
  tags     = local.tags
}

module "backups" {
  source     = "./modules/backups"
  name       = local.name
  group      = azurerm_resource_group.main.name
  group_id   = azurerm_resource_group.main.id
  region     = var.region
  database   = module.database.id
  production = local.production
  tags       = local.tags
}
