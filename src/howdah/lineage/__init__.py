"""Questions across all of it: why this answer, why this model. From the public protocols alone."""
