"""A worker that leaks: per job an eventfd, and two of three connections that its peer has ended."""

import os
import socket
import sys
import time

kept = []
with open("/srv/jobs/worker.log", "w") as log:
    for job in range(30):
        kept.append(os.eventfd(0, os.EFD_CLOEXEC))
        peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        peer.recv(10)
        if job % 3:
            kept.append(peer)
        else:
            peer.close()
        log.write("job\n")
        log.flush()
        time.sleep(0.15)
    time.sleep(60)
