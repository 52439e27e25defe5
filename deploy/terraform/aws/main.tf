provider "aws" {
  region = var.region
  default_tags { tags = { project = var.name, environment = var.environment, managed-by = "terraform" } }
}

locals {
  name       = "${var.name}-${var.environment}"
  production = var.environment == "production"
  zones      = local.production ? 3 : 2
  small = {
    node     = "m6i.large", nodes_least = 2, nodes_most = 6
    database = "db.t3.medium", database_gb = 50
    cache    = "cache.t3.small"
    kafka    = "kafka.t3.small", kafka_gb = 50
    search   = "t3.small.search", search_gb = 20
  }
  large = {
    node     = "m6i.2xlarge", nodes_least = 3, nodes_most = 60
    database = "db.r5.2xlarge", database_gb = 1000
    cache    = "cache.r6g.large"
    kafka    = "kafka.m5.large", kafka_gb = 500
    search   = "r6g.large.search", search_gb = 200
  }
  sizes = var.sizes != null ? var.sizes : local.production ? local.large : local.small
}

module "keys" {
  source = "./modules/keys"
  name   = local.name
}

module "network" {
  source = "./modules/network"
  name   = local.name
  region = var.region
  cidr   = var.network_cidr
  zones  = local.zones
  # One way out each zone, so that a zone that is gone takes no other with it.
  ways_out = local.production ? local.zones : 1
}

module "cluster" {
  source      = "./modules/cluster"
  name        = local.name
  subnets     = module.network.private_subnets
  admin_cidrs = var.admin_cidrs
  key         = module.keys.arn
  node        = local.sizes.node
  least       = local.sizes.nodes_least
  most        = local.sizes.nodes_most
}

module "database" {
  source     = "./modules/database"
  name       = local.name
  network    = module.network.id
  subnets    = module.network.private_subnets
  cidr       = var.network_cidr
  key        = module.keys.arn
  password   = var.database_password
  machine    = local.sizes.database
  disk_gb    = local.sizes.database_gb
  production = local.production
}

module "cache" {
  source   = "./modules/cache"
  name     = local.name
  network  = module.network.id
  subnets  = module.network.private_subnets
  cidr     = var.network_cidr
  key      = module.keys.arn
  password = var.cache_password
  machine  = local.sizes.cache
  copies   = local.zones
}

module "kafka" {
  source  = "./modules/kafka"
  name    = local.name
  network = module.network.id
  subnets = module.network.private_subnets
  cidr    = var.network_cidr
  key     = module.keys.arn
  machine = local.sizes.kafka
  disk_gb = local.sizes.kafka_gb
}

module "search" {
  source  = "./modules/search"
  name    = local.name
  network = module.network.id
  subnets = module.network.private_subnets
  cidr    = var.network_cidr
  key     = module.keys.arn
  machine = local.sizes.search
  disk_gb = local.sizes.search_gb
}

module "objects" {
  source = "./modules/objects"
  name   = local.name
  key    = module.keys.arn
}

module "backups" {
  source     = "./modules/backups"
  name       = local.name
  key        = module.keys.arn
  database   = module.database.arn
  production = local.production
}
