"""Child processes: one spawner, readiness, stop, logs, adoption, environments for images."""
