"""Square's API: how requests are read, answered and refused."""
