"""The HTTP edge: transactions, callers, limits, problems and pages of lists, whoever translates behind it."""
