"""Programs that pipelines run: files in under /pfs, files out under /pfs/out.

Each is `python -m howdah.steps.NAME`, explains itself with --help, says what it does on
stderr, and gives the same output for the same input, parameters and seed.
"""
