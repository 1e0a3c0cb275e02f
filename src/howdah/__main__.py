"""`python -m howdah`, the same as `howdah`."""

from howdah.cli.howdah import main

main()
