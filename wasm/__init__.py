"""The module format: opcode table, lazy decoder, encoder, WAT printer."""
