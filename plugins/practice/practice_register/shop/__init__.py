"""How the register's memory is made: people, profiles, catalog, sales, returns, loyalty, events."""
