"""The embedded PostgreSQL of a ShopCRM project, as a Meltano utility and for tests."""

from shopcrm_database.embedded import RunningServer, running_server
from shopcrm_database.errors import DatabaseError

__all__ = ["DatabaseError", "RunningServer", "running_server"]
