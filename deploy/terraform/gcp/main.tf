# The project is the one that GOOGLE_PROJECT names. Its APIs must be on: compute, container, sqladmin, redis,
# managedkafka, cloudkms, servicenetworking, backupdr, and the service identities of sqladmin and managedkafka made
# (`gcloud beta services identity create --service=…`), or the key has nobody to be lent to.
provider "google" {
  region         = var.region
  default_labels = { project = var.name, environment = var.environment, managed-by = "terraform" }
}

locals {
  name       = "${var.name}-${var.environment}"
  production = var.environment == "production"
  zones      = local.production ? 3 : 2
  # Of Kafka the size is its vCPUs, and its disk grows by itself; of the cache it is GB.
  small = {
    node     = "e2-standard-2", nodes_least = 2, nodes_most = 6
    database = "db-custom-2-4096", database_gb = 50
    cache    = "1"
    kafka    = "3", kafka_gb = 0
    search   = "e2-standard-2", search_gb = 20
  }
  large = {
    node     = "n2-standard-8", nodes_least = 3, nodes_most = 60
    database = "db-custom-8-65536", database_gb = 1000
    cache    = "13"
    kafka    = "6", kafka_gb = 0
    search   = "n2-highmem-2", search_gb = 200
  }
  sizes = var.sizes != null ? var.sizes : local.production ? local.large : local.small
}

data "google_compute_zones" "here" {
  region = var.region
  status = "UP"
}

module "keys" {
  source = "./modules/keys"
  name   = local.name
  region = var.region
}

module "network" {
  source = "./modules/network"
  name   = local.name
  region = var.region
  cidr   = var.network_cidr
}

module "cluster" {
  source      = "./modules/cluster"
  name        = local.name
  region      = var.region
  zones       = slice(data.google_compute_zones.here.names, 0, local.zones)
  network     = module.network.id
  subnet      = module.network.subnet
  cidr        = module.network.control_cidr
  admin_cidrs = var.admin_cidrs
  key         = module.keys.id
  node        = local.sizes.node
  least       = local.sizes.nodes_least
  most        = local.sizes.nodes_most
  production  = local.production
}

module "database" {
  source     = "./modules/database"
  name       = local.name
  region     = var.region
  network    = module.network.peered
  key        = module.keys.id
  password   = var.database_password
  machine    = local.sizes.database
  disk_gb    = local.sizes.database_gb
  production = local.production
}

module "cache" {
  source    = "./modules/cache"
  name      = local.name
  region    = var.region
  network   = module.network.peered
  key       = module.keys.id
  memory_gb = tonumber(local.sizes.cache)
}

module "kafka" {
  source = "./modules/kafka"
  name   = local.name
  region = var.region
  subnet = module.network.subnet
  key    = module.keys.id
  cpus   = tonumber(local.sizes.kafka)
}

module "search" {
  source  = "./modules/search"
  name    = local.name
  region  = var.region
  zones   = slice(data.google_compute_zones.here.names, 0, local.zones)
  cluster = module.cluster.name
  account = module.cluster.nodes_account
  machine = local.sizes.search
  disk_gb = local.sizes.search_gb
}

module "objects" {
  source = "./modules/objects"
  name   = local.name
  region = var.region
  key    = module.keys.id
}

module "backups" {
  source     = "./modules/backups"
  name       = local.name
  region     = var.region
  database   = module.database.id
  production = local.production
}
