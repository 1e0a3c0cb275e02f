"""`python -m howdah`, the same as `howdah`."""

import sys

if sys.version_info[:2] == (3, 12):
    from howdah.cli.howdah import main

    main()
else:
    # Nothing else may be imported to say so: the rest does not parse on an older Python.
    sys.stderr.write(
        f"Error: this is Python {sys.version_info[0]}.{sys.version_info[1]}\n"
        "  Why: Howdah's packages install together on Python 3.12 alone.\n"
        "  Do:  Run `make setup`, then .venv/bin/howdah.\n"
    )
    sys.exit(2)
