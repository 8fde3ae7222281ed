"""The validator: own decoder, own semantics, Z3."""
