"""Mutants: wrong code, wrong rules, faults in our own rooms; the validator must prove none."""
