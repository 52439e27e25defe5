# Redis for what is lent to gateways: a copy in each zone, one of which takes over.
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
variable "copies" { type = number }

resource "aws_security_group" "cache" {
  name        = "${var.name}-cache"
  description = "Redis, from inside"
  vpc_id      = var.network
  ingress {
    description = "Redis over TLS"
    from_port   = 6379
    to_port     = 6379
    protocol    = "tcp"
    cidr_blocks = [var.cidr]
  }
}

resource "aws_elasticache_subnet_group" "cache" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_elasticache_replication_group" "cache" {
  replication_group_id          = var.name
  replication_group_description = "${var.name}: what is lent to gateways"
  engine                        = "redis"
  engine_version                = "6.x"
  node_type                     = var.machine
  number_cache_clusters         = var.copies
  automatic_failover_enabled    = true
  multi_az_enabled              = true
  subnet_group_name             = aws_elasticache_subnet_group.cache.name
  security_group_ids            = [aws_security_group.cache.id]
  at_rest_encryption_enabled    = true
  kms_key_id                    = var.key
  transit_encryption_enabled    = true
  auth_token                    = var.password
}

output "address" { value = aws_elasticache_replication_group.cache.primary_endpoint_address }
