# The database every day into a vault of its own, beside its own copies to any moment.
variable "name" { type = string }
variable "key" { type = string }
variable "database" { type = string }
variable "production" { type = bool }

resource "aws_backup_vault" "main" {
  name        = var.name
  kms_key_arn = var.key
}

resource "aws_backup_plan" "daily" {
  name = "${var.name}-daily"
  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.main.name
    schedule          = "cron(15 3 * * ? *)"
    start_window      = 60
    completion_window = 300
    lifecycle { delete_after = var.production ? 90 : 14 }
  }
}

resource "aws_iam_role" "backup" {
  name               = "${var.name}-backup"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "backup.amazonaws.com" } }] })
}

resource "aws_iam_role_policy_attachment" "backup" {
  role       = aws_iam_role.backup.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
}

resource "aws_backup_selection" "database" {
  name         = "database"
  plan_id      = aws_backup_plan.daily.id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = [var.database]
}
