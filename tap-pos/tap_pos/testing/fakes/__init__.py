"""One fake per vendor, each held to the vendor's own specification where that file is at hand."""
