"""The egglog engine behind one small face."""
