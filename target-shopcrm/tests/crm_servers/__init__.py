"""Real CRMs, started for a test, and the scenarios that they and the fakes go through."""
