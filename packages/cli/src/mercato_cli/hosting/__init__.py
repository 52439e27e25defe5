"""A deployment on one's own machine: one address that stays, over revisions that come and go behind it."""
