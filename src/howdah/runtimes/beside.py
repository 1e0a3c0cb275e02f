"""One of our programs in an image's environment: `python -m howdah.runtimes.beside FOLDERS MODULE …`.

What the image requires comes first. What our program needs beyond that is looked for behind it, in
the project's own packages, whose folders are named (so that requirements need not list them).
"""

import os
import runpy
import site
import sys


def main() -> None:
    folders, module, *arguments = sys.argv[1:]
    for folder in folders.split(os.pathsep):
        site.addsitedir(folder)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
