"""`python -m gateway.cli` is the hermes command."""

import sys

from gateway.cli.entry import main

sys.exit(main())
