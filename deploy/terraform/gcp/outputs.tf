# The same names for every cloud. With the passwords these are the settings of the secret `mercato/engines`.
output "cluster" { value = module.cluster.name }
output "database_address" { value = module.database.address }
output "cache_address" { value = module.cache.address }
output "cache_password" {
  description = "Memorystore makes its own; the variable of this name is not used here."
  value       = module.cache.password
  sensitive   = true
}
output "kafka_addresses" { value = module.kafka.addresses }
output "search_address" { value = module.search.address }
output "objects_bucket" { value = module.objects.bucket }
output "backups_bucket" { value = module.objects.backups_bucket }
output "key" { value = module.keys.id }
