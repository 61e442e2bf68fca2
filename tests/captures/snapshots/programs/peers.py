"""Who the workers talk to: port 7801 hangs up at once, port 7802 echoes."""

import socket
import threading


def serve(port: int, hang_up: bool) -> None:
    """Accept for ever."""
    listener = socket.create_server(("127.0.0.1", port), backlog=50)
    while True:
        client, _ = listener.accept()
        if hang_up:
            client.send(b"bye")
            client.close()
        else:
            threading.Thread(target=echo, args=(client,), daemon=True).start()


def echo(client: socket.socket) -> None:
    """Until the client ends."""
    while data := client.recv(10):
        client.send(data)
    client.close()


threading.Thread(target=serve, args=(7801, True), daemon=True).start()
serve(7802, False)
