# SPDX-License-Identifier: BSD-3-Clause
# Runs a command with input, collects its output, and limits its time.

import subprocess
import sys

try:
    run = subprocess.run(["sort", "-u"], input="pear\nfig\npear\n",
                         stdout=subprocess.PIPE, text=True, timeout=60)
except (OSError, subprocess.TimeoutExpired) as error:
    sys.exit(f"sort: {error}")
print(f"{run.stdout}exit status {run.returncode}")
