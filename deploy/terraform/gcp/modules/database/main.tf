# PostgreSQL with a standby in another zone, over TLS alone. To any moment of the last week, which is the most that this
# edition keeps; every day of the last fortnight is kept too.
variable "name" { type = string }
variable "region" { type = string }
variable "network" { type = string }
variable "key" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
variable "machine" { type = string }
variable "disk_gb" { type = number }
variable "production" { type = bool }

resource "google_sql_database_instance" "database" {
  name                = var.name
  region              = var.region
  database_version    = "POSTGRES_15"
  encryption_key_name = var.key
  deletion_protection = var.production
  settings {
    tier                        = var.machine
    edition                     = "ENTERPRISE"
    availability_type           = "REGIONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.disk_gb
    disk_autoresize             = true
    disk_autoresize_limit       = var.disk_gb * 4
    deletion_protection_enabled = var.production
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7
      backup_retention_settings { retained_backups = 14 }
    }
    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }
  }
}

resource "google_sql_database" "mercato" {
  name     = "mercato"
  instance = google_sql_database_instance.database.name
}

resource "google_sql_user" "mercato" {
  name     = "mercato"
  instance = google_sql_database_instance.database.name
  password = var.password
}

output "id" { value = google_sql_database_instance.database.id }
output "address" { value = "${google_sql_database_instance.database.private_ip_address}:5432" }
