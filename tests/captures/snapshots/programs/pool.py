"""A healthy worker: a pool of eight connections, one replaced now and then, a file for each job, closed."""

import socket
import sys
import time

address = ("127.0.0.1", int(sys.argv[1]))
pool = [socket.create_connection(address) for _ in range(8)]
with open("/srv/jobs/pool.log", "a"):
    for job in range(400):
        pool[job % 8].send(b"x")
        pool[job % 8].recv(1)
        if job % 9 == 0:
            pool[job % 8].close()
            pool[job % 8] = socket.create_connection(address)
        with open(f"/srv/jobs/t{job:04}.json", "w") as result:
            result.write("{}")
        time.sleep(0.02)
    time.sleep(60)
