"""The ShopCRM database: connection, migrations, ledger, bookkeeping. The only room with SQL."""
