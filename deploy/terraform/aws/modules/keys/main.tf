# One key for data at rest. Whoever deletes it has thirty days to change their mind.
variable "name" { type = string }

resource "aws_kms_key" "data" {
  description             = "${var.name}: data at rest"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.data.key_id
}

output "arn" { value = aws_kms_key.data.arn }
