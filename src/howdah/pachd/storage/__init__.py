"""Bytes on disk: objects, packs, chunks, trees, and the database with its one writer."""
