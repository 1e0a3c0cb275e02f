"""Data-driven pipelines: specs, datums, jobs. Knows commits through `versions`, no protocol."""
