# PostgreSQL with a standby in another zone, backed up to any moment of the last fortnight. From version 15 on it takes
# connections over TLS alone unless a parameter says otherwise.
variable "name" { type = string }
variable "network" { type = string }
variable "subnets" { type = list(string) }
variable "cidr" { type = string }
variable "key" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
variable "machine" { type = string }
variable "disk_gb" { type = number }
variable "production" { type = bool }

resource "aws_security_group" "database" {
  name        = "${var.name}-database"
  description = "PostgreSQL, from inside"
  vpc_id      = var.network
  ingress {
    description = "PostgreSQL"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = [var.cidr]
  }
}

resource "aws_db_subnet_group" "database" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_db_instance" "database" {
  identifier                      = var.name
  name                            = "mercato"
  engine                          = "postgres"
  engine_version                  = "15"
  instance_class                  = var.machine
  allocated_storage               = var.disk_gb
  max_allocated_storage           = var.disk_gb * 4
  storage_encrypted               = true
  kms_key_id                      = var.key
  username                        = "mercato"
  password                        = var.password
  multi_az                        = true
  db_subnet_group_name            = aws_db_subnet_group.database.name
  vpc_security_group_ids          = [aws_security_group.database.id]
  backup_retention_period         = 14
  copy_tags_to_snapshot           = true
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]
  deletion_protection             = var.production
  skip_final_snapshot             = !var.production
  final_snapshot_identifier       = var.production ? "${var.name}-last" : null
  auto_minor_version_upgrade      = true
}

output "arn" { value = aws_db_instance.database.arn }
output "address" { value = aws_db_instance.database.endpoint }
