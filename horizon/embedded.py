"""The private PostgreSQL and Valkey of an installation on one machine, and the keys that it makes for itself."""
