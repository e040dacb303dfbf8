# SPDX-License-Identifier: BSD-3-Clause
# Waits a limited time for a line. The half that came by then is not lost.

import asyncio
from asyncio.subprocess import PIPE


async def main():
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", "printf hal; read go; echo f", stdin=PIPE, stdout=PIPE)
    try:
        line = await asyncio.wait_for(child.stdout.readline(), 0.1)
    except asyncio.TimeoutError:
        print("no line yet")
        child.stdin.write(b"go\n")
        await child.stdin.drain()
        line = await child.stdout.readline()
    print(line.decode(), end="")
    await child.wait()


asyncio.run(main())
