"""Singer tap: every sale of an independent shop's register in one record shape."""
