"""`python -m anyclaude_tui` is the same as `anyclaude-tui`."""

import sys

from anyclaude_tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
