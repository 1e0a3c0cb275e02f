"""What every server shows the outside: Seldon's URLs, IDs, headers, errors, log and metrics."""
