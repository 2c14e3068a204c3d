#!/usr/bin/python3
"""A local object store that speaks OSS (V4, V1), OBS and S3 (SigV4), for tests and measurements.

See README.md in this folder.  Start: parse the arguments, load what the folder holds, listen, write the ports, wait for
a signal (or the parent's end).
"""

import argparse
import gc
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from control import Control                # noqa: E402
from http_server import Server             # noqa: E402
from objects import Model                  # noqa: E402
from service import Config, Key, Service   # noqa: E402


def make_certificates(folder, buckets):
    """A test CA (ca.pem) and a server's certificate (cert.pem, key.pem) for this machine's names.

    Clients do not take *.localhost (one label is too few), so the buckets are named; below store.localhost any will do."""
    os.makedirs(folder, exist_ok=True)
    hosts = ["localhost", "store.localhost", "*.store.localhost", "*.oss-cn-hangzhou.aliyuncs.com"]
    hosts += [bucket + ".localhost" for bucket in buckets]
    names = "subjectAltName=IP:127.0.0.1," + ",".join("DNS:" + host for host in hosts)
    path = {n: os.path.join(folder, n) for n in ("ca.pem", "ca.key", "cert.pem", "key.pem", "request.pem", "extensions")}
    with open(path["extensions"], "w", encoding="ascii") as file:
        file.write(names + "\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    run = [["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=oss_fdw test CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", path["ca.key"], "-out", path["ca.pem"]],
           ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", path["key.pem"], "-out", path["request.pem"]],
           ["x509", "-req", "-in", path["request.pem"], "-CA", path["ca.pem"], "-CAkey", path["ca.key"], "-CAcreateserial",
            "-days", "30", "-extfile", path["extensions"], "-out", path["cert.pem"]]]
    for arguments in run:
        done = subprocess.run(["openssl"] + arguments, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit("openssl %s: %s" % (arguments[0], done.stderr))


def arguments():
    parser = argparse.ArgumentParser(description="A local object store: OSS, OBS and S3 on 127.0.0.1.")
    parser.add_argument("--root", help="folder of the objects; a temporary one, removed at the end, when not given")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="http port; 0 = a free one, -1 = none")
    parser.add_argument("--tls-port", type=int, default=0, help="https port; 0 = a free one")
    parser.add_argument("--tls", action="store_true", help="listen for https too, with --cert and --key")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--make-certificates", metavar="DIR", help="make a test CA and a certificate there; use them with --tls, "
                        "or end when --tls is absent")
    parser.add_argument("--port-file", help="ports as JSON, written when the store is ready")
    parser.add_argument("--control", action="store_true", help="serve /__control__/ on the store's ports")
    parser.add_argument("--control-port", type=int, help="serve /__control__/ on a port of its own (0 = a free one)")
    parser.add_argument("--access-key", default="test-access-key")
    parser.add_argument("--secret", default="test-secret-key")
    parser.add_argument("--security-token", help="the token that the access key needs")
    parser.add_argument("--bucket", action="append", default=[], help="make this bucket; may be given several times")
    parser.add_argument("--public-bucket", action="append", default=[], help="a bucket that anybody may read")
    parser.add_argument("--region", default="cn-hangzhou")
    parser.add_argument("--base-host", action="append", default=[], help="further hosts below which buckets are found")
    parser.add_argument("--etag", choices=("md5", "crc"), default="md5", help="crc saves the MD5 of bodies without Content-MD5")
    parser.add_argument("--fsync", action="store_true")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when that process has ended")
    return parser.parse_args()


def configure(options):
    config = Config()
    config.region = options.region
    config.etag = options.etag
    config.base_hosts += options.base_host
    facts = {"access_key": options.access_key, "secret": options.secret}
    if options.security_token:
        facts["token"] = options.security_token
    config.keys[options.access_key] = Key(facts)
    return config


def tls_context(options):
    folder = options.make_certificates
    certificate, key = options.cert, options.key
    if folder:
        certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    if not certificate or not key:
        sys.exit("oss_store.py: --tls needs --cert and --key, or --make-certificates")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class ControlOnly:
    """The application of the control's own port."""

    def __init__(self, control):
        self.control = control

    def handle(self, request):
        return self.control.handle(request)


def listen(options, service):
    """{name: port} and the servers."""
    control = Control(service)
    if options.control:
        service.control = control.handle
    servers = {}
    if options.port >= 0:
        servers["port"] = Server(service, options.address, options.port)
    if options.tls:
        servers["tls_port"] = Server(service, options.address, options.tls_port, tls_context(options))
    if options.control_port is not None:
        servers["control_port"] = Server(ControlOnly(control), "127.0.0.1", options.control_port)
    for server in servers.values():
        server.start()
    ports = {name: server.port for name, server in servers.items()}
    if options.control:
        ports.setdefault("control_port", ports.get("port", ports.get("tls_port")))
    return ports, list(servers.values())


def announce(options, ports):
    text = json.dumps(dict(ports, pid=os.getpid()))
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.replace(options.port_file + ".new", options.port_file)
    print(text, flush=True)


def wait_for_end(options):
    """A signal, or the parent's end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5 if options.parent else 3600):
        if options.parent:
            try:
                os.kill(options.parent, 0)
            except ProcessLookupError:
                return
            except PermissionError:
                pass


def main():
    options = arguments()
    if options.make_certificates and not os.path.exists(os.path.join(options.make_certificates, "cert.pem")):
        make_certificates(options.make_certificates, options.bucket + options.public_bucket)
    if options.make_certificates and not options.tls:
        return
    sys.setswitchinterval(0.001)
    root = options.root or tempfile.mkdtemp(prefix="oss_store_")
    model = Model(root, options.fsync)
    for name in options.bucket + options.public_bucket:
        if name not in model.buckets:
            model.put_bucket(name, int(time.time()), {"acl": "public-read"} if name in options.public_bucket else {})
    service = Service(model, configure(options))
    gc.freeze()
    ports, servers = listen(options, service)
    announce(options, ports)
    wait_for_end(options)
    service.faults.remove()
    for server in servers:
        server.stop()
    if options.root is None:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
