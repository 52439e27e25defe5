"""The top: settings, wiring, one factory per process."""
