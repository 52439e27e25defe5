# OpenSearch 2.19. The provider's own resource of this version makes Elasticsearch only, so CloudFormation makes it.
variable "name" { type = string }
variable "network" { type = string }
variable "subnets" { type = list(string) }
variable "cidr" { type = string }
variable "key" { type = string }
variable "machine" { type = string }
variable "disk_gb" { type = number }

data "aws_caller_identity" "us" {}

resource "aws_security_group" "search" {
  name        = "${var.name}-search"
  description = "OpenSearch, from inside"
  vpc_id      = var.network
  ingress {
    description = "OpenSearch over TLS"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = [var.cidr]
  }
}

resource "aws_cloudformation_stack" "search" {
  name = "${var.name}-search"
  template_body = jsonencode({
    Resources = {
      Domain = {
        Type           = "AWS::OpenSearchService::Domain"
        DeletionPolicy = "Retain"
        Properties = {
          DomainName    = substr(var.name, 0, 28)
          EngineVersion = "OpenSearch_2.19"
          ClusterConfig = {
            InstanceType         = var.machine
            InstanceCount        = length(var.subnets)
            ZoneAwarenessEnabled = true
            ZoneAwarenessConfig  = { AvailabilityZoneCount = length(var.subnets) }
          }
          EBSOptions                  = { EBSEnabled = true, VolumeType = "gp3", VolumeSize = var.disk_gb }
          EncryptionAtRestOptions     = { Enabled = true, KmsKeyId = var.key }
          NodeToNodeEncryptionOptions = { Enabled = true }
          DomainEndpointOptions       = { EnforceHTTPS = true, TLSSecurityPolicy = "Policy-Min-TLS-1-2-PFS-2023-10" }
          VPCOptions                  = { SubnetIds = var.subnets, SecurityGroupIds = [aws_security_group.search.id] }
          AccessPolicies = {
            Version   = "2012-10-17"
            Statement = [{ Effect = "Allow", Principal = { AWS = data.aws_caller_identity.us.account_id }, Action = "es:ESHttp*", Resource = "*" }]
          }
        }
      }
    }
    Outputs = { Address = { Value = { "Fn::GetAtt" = ["Domain", "DomainEndpoint"] } } }
  })
}

output "address" { value = lookup(aws_cloudformation_stack.search.outputs, "Address", "") }
