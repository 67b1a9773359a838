"""A program rather than a module: importing it ends the process."""

import sys

sys.exit("usage: exits")
