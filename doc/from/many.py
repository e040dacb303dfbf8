# SPDX-License-Identifier: BSD-3-Clause
# Runs six commands, at most two at a time, and adds up their results.

import asyncio
from asyncio.subprocess import PIPE


async def square(n, limit):
    async with limit:
        expr = await asyncio.create_subprocess_exec(
            "expr", str(n), "*", str(n), stdout=PIPE)
        out, _ = await expr.communicate()
        return int(out)


async def main():
    limit = asyncio.Semaphore(2)
    squares = await asyncio.gather(*(square(n, limit) for n in range(1, 7)))
    print(f"{len(squares)} jobs, sum {sum(squares)}")


asyncio.run(main())
