"""The checks of `mp validate`: those of the publishing pipeline, and the desk's requirements of a signal."""
