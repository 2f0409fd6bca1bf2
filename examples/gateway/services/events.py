"""In Python: an event every tenth of a second, for as long as somebody listens."""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Events(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        events = self.path == "/events"
        self.send_header("Content-Type", "text/event-stream" if events else "text/plain")
        self.end_headers()
        if not events:
            self.wfile.write(f"GET {self.path} in Python, process {os.getpid()}\n".encode())
            return
        for number in range(1_000_000):
            try:
                self.wfile.write(f"id: {number}\ndata: {time.time()}\n\n".encode())
            except OSError:
                return
            time.sleep(0.1)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", int(sys.argv[1])), Events)
print("listening")
server.serve_forever()
