"""Looking into a module: its functions, what they could be instead, and why that is the same."""
