# The same names for every cloud; a test compares the files.
variable "name" {
  description = "Begins the name of everything."
  type        = string
  default     = "mercato"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 20 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  description = "development, staging or production; production is spread over three zones and cannot be deleted by mistake."
  type        = string
  validation {
    condition     = contains(["development", "staging", "production"], var.environment)
    error_message = "The environment is development, staging or production."
  }
}

variable "region" {
  description = "Where it runs, in the cloud's own words."
  type        = string
}

variable "network_cidr" {
  description = "The private network, a /16."
  type        = string
  default     = "10.20.0.0/16"
  validation {
    condition     = can(cidrsubnet(var.network_cidr, 4, 15)) && can(regex("/16$", var.network_cidr))
    error_message = "The network is a /16, as 10.20.0.0/16."
  }
}

variable "admin_cidrs" {
  description = "From where the cluster's API may be reached."
  type        = list(string)
  validation {
    condition     = !contains(var.admin_cidrs, "0.0.0.0/0")
    error_message = "Name your networks; the whole internet is none of them."
  }
}

variable "database_password" {
  description = "Of the database's owner, at least 24 characters."
  type        = string
  sensitive   = true
  validation {
    condition     = length(var.database_password) >= 24
    error_message = "The password has at least 24 characters."
  }
}

variable "cache_password" {
  description = "Of the cache, at least 24 characters."
  type        = string
  sensitive   = true
  validation {
    condition     = length(var.cache_password) >= 24
    error_message = "The password has at least 24 characters."
  }
}

variable "sizes" {
  description = "Machines, in the cloud's own words, and disks in GB. Empty: what docs/production.md names for the environment."
  type = object({
    node        = string
    nodes_least = number
    nodes_most  = number
    database    = string
    database_gb = number
    cache       = string
    kafka       = string
    kafka_gb    = number
    search      = string
    search_gb   = number
  })
  default = null
}
