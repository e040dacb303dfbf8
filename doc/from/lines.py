# SPDX-License-Identifier: BSD-3-Clause
# Prints the lines of a child as they come, and then its exit status.

import asyncio
import sys


async def main():
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", "echo one; echo two; exit 3",
        stdout=asyncio.subprocess.PIPE)
    n = 0
    async for line in child.stdout:
        n += 1
        print(f"{n}: {line.decode()}", end="")
    print("exit status", await child.wait())


try:
    asyncio.run(main())
except OSError as error:
    sys.exit(f"sh: {error}")
