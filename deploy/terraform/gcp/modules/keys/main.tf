# One key for data at rest, lent to the services that keep it. Whoever destroys it has thirty days to change their mind.
variable "name" { type = string }
variable "region" { type = string }

data "google_project" "here" {}

data "google_storage_project_service_account" "objects" {}

locals {
  lent_to = {
    cluster  = "service-${data.google_project.here.number}@container-engine-robot.iam.gserviceaccount.com"
    disks    = "service-${data.google_project.here.number}@compute-system.iam.gserviceaccount.com"
    database = "service-${data.google_project.here.number}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    cache    = "service-${data.google_project.here.number}@cloud-redis.iam.gserviceaccount.com"
    kafka    = "service-${data.google_project.here.number}@gcp-sa-managedkafka.iam.gserviceaccount.com"
    objects  = data.google_storage_project_service_account.objects.email_address
  }
}

resource "google_kms_key_ring" "main" {
  name     = var.name
  location = var.region
}

resource "google_kms_crypto_key" "data" {
  name                       = "data"
  key_ring                   = google_kms_key_ring.main.id
  rotation_period            = "7776000s"
  destroy_scheduled_duration = "2592000s"
  lifecycle { prevent_destroy = true }
}

resource "google_kms_crypto_key_iam_member" "lent" {
  for_each      = local.lent_to
  crypto_key_id = google_kms_crypto_key.data.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}

# Whoever uses the key waits until it is lent.
output "id" {
  value      = google_kms_crypto_key.data.id
  depends_on = [google_kms_crypto_key_iam_member.lent]
}
