"""The benches: one command that prints eqsat beside wasm-opt for a folder of modules."""
