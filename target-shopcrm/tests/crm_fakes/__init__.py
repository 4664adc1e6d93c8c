"""One stateful fake for each CRM, traps included, and what they share."""
