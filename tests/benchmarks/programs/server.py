"""A threaded server and its clients in one process; every twentieth client forgets its socket."""

import os
import socket
import sys
import tempfile
import threading

CLIENTS, FORGETS = 8, 20
forgotten = []


def serve(connection: socket.socket) -> None:
    with connection:
        while connection.recv(64):
            with tempfile.NamedTemporaryFile() as scratch:
                scratch.write(b"x" * 100)
            with open("/etc/passwd", "rb") as file:
                connection.sendall(file.read(64))


def listen(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def ask(address: tuple[str, int], rounds: int) -> None:
    for number in range(rounds):
        client = socket.create_connection(address)
        for _ in range(4):
            client.sendall(b"GET /")
            client.recv(64)
        if number % FORGETS:
            client.close()
        else:
            forgotten.append(client.detach())


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=listen, args=(listener,), daemon=True).start()
    rounds = int(sys.argv[1])
    clients = [threading.Thread(target=ask, args=(listener.getsockname(), rounds)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    os._exit(0)


main()
