"""What `mp validate` does: the publishing pipeline's own checks, and what a desk asks of a signal."""
