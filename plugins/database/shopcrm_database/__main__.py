"""`python -m shopcrm_database` is the command `shopcrm-database`."""

from shopcrm_database.cli import main

main(prog_name="shopcrm-database")
