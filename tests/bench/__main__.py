"""`make bench`: one installation, measured."""

import sys

from infra.bench import main

sys.exit(main())
