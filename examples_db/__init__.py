"""Few-shot examples: SQLite is the truth, FAISS an index over it."""
