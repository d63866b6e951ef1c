"""What `tacit run script.py` has Python run: `python3 FOLDER script.py ARG…` runs the script with `tacit` as a name to import.

The folder comes last on the path, so that a tacit that the script's own environment has is used instead. Nothing of this package is imported here.
"""

import os
import runpy
import sys


def main() -> None:
    folder = sys.path.pop(0)
    sys.argv = sys.argv[1:]
    script = sys.argv[0]
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))  # as Python does for a script
    sys.path.append(folder)
    runpy.run_path(script, run_name="__main__")


main()
