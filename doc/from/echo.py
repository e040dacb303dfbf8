# SPDX-License-Identifier: BSD-3-Clause
# An echo server, which serves its clients to the end when it is stopped.

import asyncio
import signal
import sys

clients = set()


async def on_client(reader, writer):
    clients.add(asyncio.current_task())
    try:
        while data := await asyncio.wait_for(reader.read(65536), 60):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, asyncio.TimeoutError):
        pass
    writer.close()
    clients.remove(asyncio.current_task())


async def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(on_client, "127.0.0.1", port)
    await stop.wait()
    server.close()
    if clients:
        await asyncio.wait(clients)


try:
    asyncio.run(main())
except OSError as error:
    sys.exit(f"{error}")
