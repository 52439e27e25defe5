# Google has no OpenSearch of its own, so it runs in the cluster: here are the nodes for it, one a zone, which take
# nothing else. OpenSearch's operator and a cluster of kind OpenSearchCluster named `mercato` are to be installed there.
variable "name" { type = string }
variable "region" { type = string }
variable "zones" { type = list(string) }
variable "cluster" { type = string }
variable "account" { type = string }
variable "machine" { type = string }
variable "disk_gb" { type = number }

resource "google_container_node_pool" "search" {
  name           = "search"
  cluster        = var.cluster
  location       = var.region
  node_locations = var.zones
  node_count     = 1
  management {
    auto_repair  = true
    auto_upgrade = true
  }
  node_config {
    machine_type    = var.machine
    disk_type       = "pd-ssd"
    disk_size_gb    = var.disk_gb
    service_account = var.account
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    labels          = { "mercato.dev/for" = "search" }
    taint {
      key    = "mercato.dev/for"
      value  = "search"
      effect = "NO_SCHEDULE"
    }
    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config { mode = "GKE_METADATA" }
  }
}

output "address" { value = "mercato.search.svc:9200" }
