"""Wasm body to function graph, and the way back."""
