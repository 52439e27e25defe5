# Kubernetes, whose secrets are sealed with our key, whose nodes have no public address, and whose API only named
# networks reach.
variable "name" { type = string }
variable "region" { type = string }
variable "zones" { type = list(string) }
variable "network" { type = string }
variable "subnet" { type = string }
variable "cidr" { type = string }
variable "admin_cidrs" { type = list(string) }
variable "key" { type = string }
variable "node" { type = string }
variable "least" { type = number }
variable "most" { type = number }
variable "production" { type = bool }

data "google_project" "here" {}

# Not the default account of the project, which may change everything in it.
resource "google_service_account" "nodes" {
  account_id   = "${substr(var.name, 0, 22)}-nodes"
  display_name = "Nodes of ${var.name}"
}

resource "google_project_iam_member" "nodes" {
  for_each = toset(["roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"])
  project  = data.google_project.here.project_id
  role     = each.value
  member   = "serviceAccount:${google_service_account.nodes.email}"
}

resource "google_container_cluster" "main" {
  name                     = var.name
  location                 = var.region
  node_locations           = var.zones
  network                  = var.network
  subnetwork               = var.subnet
  networking_mode          = "VPC_NATIVE"
  datapath_provider        = "ADVANCED_DATAPATH"
  remove_default_node_pool = true
  initial_node_count       = 1
  deletion_protection      = var.production
  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }
  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = length(var.admin_cidrs) == 0
    master_ipv4_cidr_block  = var.cidr
  }
  master_authorized_networks_config {
    dynamic "cidr_blocks" {
      for_each = var.admin_cidrs
      content { cidr_block = cidr_blocks.value }
    }
  }
  database_encryption {
    state    = "ENCRYPTED"
    key_name = var.key
  }
  workload_identity_config {
    workload_pool = "${data.google_project.here.project_id}.svc.id.goog"
  }
  release_channel { channel = "REGULAR" }
  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "APISERVER", "WORKLOADS"]
  }
}

# The numbers are of all zones together; within them the autoscaler decides.
resource "google_container_node_pool" "main" {
  name     = "main"
  cluster  = google_container_cluster.main.id
  location = var.region
  autoscaling {
    total_min_node_count = var.least
    total_max_node_count = var.most
  }
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  node_config {
    machine_type      = var.node
    disk_size_gb      = 50
    boot_disk_kms_key = var.key
    service_account   = google_service_account.nodes.email
    oauth_scopes      = ["https://www.googleapis.com/auth/cloud-platform"]
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config { mode = "GKE_METADATA" }
  }
}

output "name" { value = google_container_cluster.main.name }
output "nodes_account" { value = google_service_account.nodes.email }
