# Azure has no OpenSearch of its own, so it runs in the cluster: here are the nodes for it, one a zone, which take
# nothing else. OpenSearch's operator and a cluster of kind OpenSearchCluster named `mercato` are to be installed there.
variable "cluster" { type = string }
variable "zones" { type = list(string) }
variable "subnet" { type = string }
variable "machine" { type = string }
variable "disk_gb" { type = number }
variable "tags" { type = map(string) }

resource "azurerm_kubernetes_cluster_node_pool" "search" {
  name                  = "search"
  kubernetes_cluster_id = var.cluster
  vm_size               = var.machine
  zones                 = var.zones
  vnet_subnet_id        = var.subnet
  node_count            = length(var.zones)
  os_disk_size_gb       = var.disk_gb
  node_labels           = { "mercato.dev/for" = "search" }
  node_taints           = ["mercato.dev/for=search:NoSchedule"]
  tags                  = var.tags
}

output "address" { value = "mercato.search.svc:9200" }
