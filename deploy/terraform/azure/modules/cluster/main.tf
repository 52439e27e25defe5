# Kubernetes, whose secrets are sealed with our key, and whose API only named networks and people of the directory reach.
variable "name" { type = string }
variable "group" { type = string }
variable "region" { type = string }
variable "zones" { type = list(string) }
variable "network" { type = string }
variable "subnet" { type = string }
variable "admin_cidrs" { type = list(string) }
variable "key" { type = string }
variable "identity" { type = string }
variable "principal" { type = string }
variable "node" { type = string }
variable "least" { type = number }
variable "most" { type = number }
variable "production" { type = bool }
variable "tags" { type = map(string) }

# The cluster puts nodes and load balancers into the network as this identity.
resource "azurerm_role_assignment" "network" {
  scope                = var.network
  role_definition_name = "Network Contributor"
  principal_id         = var.principal
}

resource "azurerm_kubernetes_cluster" "main" {
  name                      = var.name
  resource_group_name       = var.group
  location                  = var.region
  dns_prefix                = var.name
  sku_tier                  = var.production ? "Standard" : "Free"
  automatic_upgrade_channel = "stable"
  node_os_upgrade_channel   = "NodeImage"
  private_cluster_enabled   = length(var.admin_cidrs) == 0
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  local_account_disabled    = true
  run_command_enabled       = false
  tags                      = var.tags
  default_node_pool {
    name                        = "main"
    vm_size                     = var.node
    zones                       = var.zones
    vnet_subnet_id              = var.subnet
    auto_scaling_enabled        = true
    min_count                   = var.least
    max_count                   = var.most
    os_disk_size_gb             = 50
    temporary_name_for_rotation = "rotation"
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity]
  }
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    outbound_type       = "userAssignedNATGateway"
    pod_cidr            = "100.64.0.0/14"
    service_cidr        = "100.68.0.0/16"
    dns_service_ip      = "100.68.0.10"
  }
  dynamic "api_server_access_profile" {
    for_each = length(var.admin_cidrs) > 0 ? [1] : []
    content { authorized_ip_ranges = var.admin_cidrs }
  }
  azure_active_directory_role_based_access_control { azure_rbac_enabled = true }
  key_management_service { key_vault_key_id = var.key }
  lifecycle { ignore_changes = [default_node_pool[0].node_count] }
  depends_on = [azurerm_role_assignment.network]
}

output "id" { value = azurerm_kubernetes_cluster.main.id }
output "name" { value = azurerm_kubernetes_cluster.main.name }
