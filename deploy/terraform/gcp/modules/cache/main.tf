# Redis for what is lent to gateways: a copy in another zone, which takes over. Its password is its own invention.
variable "name" { type = string }
variable "region" { type = string }
variable "network" { type = string }
variable "key" { type = string }
variable "memory_gb" { type = number }

resource "google_redis_instance" "cache" {
  name                    = var.name
  region                  = var.region
  display_name            = "${var.name}: what is lent to gateways"
  tier                    = "STANDARD_HA"
  memory_size_gb          = var.memory_gb
  redis_version           = "REDIS_7_2"
  authorized_network      = var.network
  connect_mode            = "PRIVATE_SERVICE_ACCESS"
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"
  customer_managed_key    = var.key
  redis_configs           = { maxmemory-policy = "noeviction" }
  lifecycle { prevent_destroy = true }
}

output "address" { value = "${google_redis_instance.cache.host}:${google_redis_instance.cache.port}" }
output "password" {
  value     = google_redis_instance.cache.auth_string
  sensitive = true
}
