"""`python -m anyclaude_tui` is the same as `anyclaude-tui`."""

import sys

if __name__ == "__main__" and __spec__ is not None and not sys.flags.safe_path:
    del sys.path[0]  # the folder that we were started in, whose modules are somebody else's

from anyclaude_tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
