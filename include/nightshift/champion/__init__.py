"""Who is champion: read from ledger, alias and registry, and changed in one way only."""
