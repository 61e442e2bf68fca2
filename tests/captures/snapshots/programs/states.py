"""Sockets and files in states that deserve a remark."""

import contextlib
import os
import socket
import subprocess
import time

listener = socket.create_server(("127.0.0.1", 7803), backlog=20)
listener.set_inheritable(True)
kept: list[object] = [subprocess.Popen(["sleep", "60"], close_fds=False)]
for _ in range(4):
    client = socket.create_connection(("127.0.0.1", 7803))
    accepted, _ = listener.accept()
    client.shutdown(socket.SHUT_WR)
    kept += [client, accepted]
for _ in range(3):
    refused = socket.socket()
    kept.append(refused)
    with contextlib.suppress(OSError):
        refused.connect(("127.0.0.1", 1))
with open("/srv/jobs/app.log", "w") as log:
    log.write("x" * 300_000)
    log.flush()
    os.unlink("/srv/jobs/app.log")
    time.sleep(60)
