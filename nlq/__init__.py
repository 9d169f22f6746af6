"""Ask Elasticsearch in plain language with a small local model that is asked many times."""
