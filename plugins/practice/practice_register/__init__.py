"""A practice register: Square's API over real baskets and made-up people."""
