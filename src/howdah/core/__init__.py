"""The domain's words: ids, references, clock, settings, logs. Imports only `errors`."""
