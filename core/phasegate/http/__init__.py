"""HTTP messages and the rules for what passes a gateway."""
