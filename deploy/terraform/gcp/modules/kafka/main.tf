# Kafka for systems outside: Google's managed service, three zones, TLS and SASL with service accounts.
variable "name" { type = string }
variable "region" { type = string }
variable "subnet" { type = string }
variable "key" { type = string }
variable "cpus" { type = number }

data "google_project" "here" {}

resource "google_managed_kafka_cluster" "kafka" {
  cluster_id = var.name
  location   = var.region
  capacity_config {
    vcpu_count   = var.cpus
    memory_bytes = var.cpus * 4 * 1073741824
  }
  gcp_config {
    access_config {
      network_configs { subnet = var.subnet }
    }
    kms_key = var.key
  }
  rebalance_config { mode = "AUTO_REBALANCE_ON_SCALE_UP" }
}

# Whoever the worker is must be let in by name: grant it roles/managedkafka.client.
output "addresses" {
  value = "bootstrap.${google_managed_kafka_cluster.kafka.cluster_id}.${var.region}.managedkafka.${data.google_project.here.project_id}.cloud.goog:9092"
}
