"""What every shell shares: settings, the database, logging, our own words in other languages."""
