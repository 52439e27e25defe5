# Datasets, models and logs, and a bucket for backups: private, versioned, sealed; Google takes requests over TLS too,
# and the marketplace sends no others. It speaks S3 to them, with a key of an account that may do nothing else.
variable "name" { type = string }
variable "region" { type = string }
variable "key" { type = string }

locals {
  buckets = toset(["objects", "backups"])
}

resource "google_storage_bucket" "ours" {
  for_each                    = local.buckets
  name                        = "${var.name}-${each.key}"
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  versioning { enabled = true }
  encryption { default_kms_key_name = var.key }
  lifecycle_rule {
    condition { days_since_noncurrent_time = 35 }
    action { type = "Delete" }
  }
  lifecycle_rule {
    condition { age = 7 }
    action { type = "AbortIncompleteMultipartUpload" }
  }
  lifecycle { prevent_destroy = true }
}

resource "google_service_account" "objects" {
  account_id   = "${substr(var.name, 0, 22)}-objects"
  display_name = "Objects of ${var.name}"
}

resource "google_storage_bucket_iam_member" "objects" {
  for_each = local.buckets
  bucket   = google_storage_bucket.ours[each.key].name
  role     = "roles/storage.objectAdmin"
  member   = "serviceAccount:${google_service_account.objects.email}"
}

output "bucket" { value = google_storage_bucket.ours["objects"].name }
output "backups_bucket" { value = google_storage_bucket.ours["backups"].name }
output "account" { value = google_service_account.objects.email }
