# The database every day into a vault of its own, which nobody can empty early, beside its own copies to any moment.
variable "name" { type = string }
variable "region" { type = string }
variable "database" { type = string }
variable "production" { type = bool }

data "google_project" "here" {}

locals {
  kind = "sqladmin.googleapis.com/Instance"
  days = var.production ? 90 : 14
}

resource "google_backup_dr_backup_vault" "main" {
  backup_vault_id                            = var.name
  location                                   = var.region
  backup_minimum_enforced_retention_duration = var.production ? "604800s" : "86400s"
}

resource "google_backup_dr_backup_plan" "daily" {
  backup_plan_id = "${var.name}-daily"
  location       = var.region
  backup_vault   = google_backup_dr_backup_vault.main.id
  resource_type  = local.kind
  backup_rules {
    rule_id               = "daily"
    backup_retention_days = local.days
    standard_schedule {
      recurrence_type = "DAILY"
      time_zone       = "UTC"
      backup_window {
        start_hour_of_day = 3
        end_hour_of_day   = 9
      }
    }
  }
}

resource "google_backup_dr_backup_plan_association" "database" {
  backup_plan_association_id = "${var.name}-database"
  location                   = var.region
  backup_plan                = google_backup_dr_backup_plan.daily.name
  resource_type              = local.kind
  resource                   = "projects/${data.google_project.here.project_id}/instances/${element(split("/", var.database), length(split("/", var.database)) - 1)}"
}
