# SPDX-License-Identifier: BSD-3-Clause
# Runs a pipeline, and prints its output and the status of each stage.

from subprocess import PIPE, Popen

source = Popen(["sh", "-c", "echo b; echo a; exit 4"], stdout=PIPE)
sort = Popen(["sort"], stdin=source.stdout, stdout=PIPE, text=True)
source.stdout.close()  # or the source never notices that sort has left
out, _ = sort.communicate()
print(f"{out}source: {source.wait()}, sort: {sort.returncode}")
