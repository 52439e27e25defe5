# Kafka for systems outside: one broker a zone, TLS and names.
variable "name" { type = string }
variable "network" { type = string }
variable "subnets" { type = list(string) }
variable "cidr" { type = string }
variable "key" { type = string }
variable "machine" { type = string }
variable "disk_gb" { type = number }

resource "aws_security_group" "kafka" {
  name        = "${var.name}-kafka"
  description = "Kafka, from inside"
  vpc_id      = var.network
  ingress {
    description = "Kafka over TLS with SASL"
    from_port   = 9096
    to_port     = 9096
    protocol    = "tcp"
    cidr_blocks = [var.cidr]
  }
}

resource "aws_msk_configuration" "kafka" {
  name              = var.name
  kafka_versions    = ["3.6.0"]
  server_properties = <<-EOT
    auto.create.topics.enable=false
    default.replication.factor=${length(var.subnets)}
    min.insync.replicas=${length(var.subnets) - 1}
    unclean.leader.election.enable=false
  EOT
}

resource "aws_msk_cluster" "kafka" {
  cluster_name           = var.name
  kafka_version          = "3.6.0"
  number_of_broker_nodes = length(var.subnets)
  broker_node_group_info {
    instance_type   = var.machine
    ebs_volume_size = var.disk_gb
    client_subnets  = var.subnets
    security_groups = [aws_security_group.kafka.id]
  }
  client_authentication {
    sasl { scram = true }
  }
  configuration_info {
    arn      = aws_msk_configuration.kafka.arn
    revision = aws_msk_configuration.kafka.latest_revision
  }
  encryption_info {
    encryption_at_rest_kms_key_arn = var.key
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }
}

output "addresses" { value = aws_msk_cluster.kafka.bootstrap_brokers_sasl_scram }
