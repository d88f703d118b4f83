"""`python -m benchmarks`: measure, profile, and print the page for docs/performance.md."""

import sys

if __name__ == "__main__":  # the load generator's process loads this too, and needs no shop
    from benchmarks.measuring import main

    sys.exit(main())
