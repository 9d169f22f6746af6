"""Examples that nobody writes by hand: from a larger model, or from queries that the local model puts into words."""
