"""Who may ask what: keys and tokens, what they allow, and parts of the core that keep to it."""
