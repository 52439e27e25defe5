# Datasets, models and logs, and a bucket for backups: private, versioned, sealed, over TLS alone.
variable "name" { type = string }
variable "key" { type = string }

locals {
  buckets = toset(["objects", "backups"])
}

resource "aws_s3_bucket" "ours" {
  for_each = local.buckets
  bucket   = "${var.name}-${each.key}"
  versioning { enabled = true }
  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm     = "aws:kms"
        kms_master_key_id = var.key
      }
    }
  }
  lifecycle_rule {
    id                                     = "old"
    enabled                                = true
    abort_incomplete_multipart_upload_days = 7
    noncurrent_version_expiration { days = 35 }
  }
  lifecycle { prevent_destroy = true }
}

resource "aws_s3_bucket_public_access_block" "ours" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.ours[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "ours" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.ours[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.ours[each.key].arn, "${aws_s3_bucket.ours[each.key].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
  depends_on = [aws_s3_bucket_public_access_block.ours]
}

output "bucket" { value = aws_s3_bucket.ours["objects"].id }
output "backups_bucket" { value = aws_s3_bucket.ours["backups"].id }
