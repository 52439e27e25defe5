"""What we do not own, each beside its stand-in."""
