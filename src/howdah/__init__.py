"""Howdah: data-driven pipelines and model serving, whole on one machine."""
