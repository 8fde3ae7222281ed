"""The rule language and the rule rows."""
