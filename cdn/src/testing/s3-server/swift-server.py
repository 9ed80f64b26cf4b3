"""A whole OpenStack Swift with its S3 API in one process, at loopback, for tests.

Arguments: an empty folder for what it stores, and the secret key of the one user, `damselfly:tester`.
Says `{"ready": {"port": N}}` on standard output, and ends on SIGTERM.
"""

import json
import logging
import os
import sys

import eventlet

eventlet.monkey_patch(all=False, socket=True, select=True, thread=True)

from eventlet import wsgi
from swift.common import storage_policy, utils
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

HOST = '127.0.0.1'
DEVICE = 'disk'
STORES = ('account', 'container', 'object')

PROXY = """
[DEFAULT]
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
max_bucket_listing = 4
[filter:tempauth]
use = egg:swift#tempauth
user_damselfly_tester = {secret} .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""

STORE = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}
mount_check = false
log_level = ERROR
[app:main]
use = egg:swift#{store}
disable_fallocate = true
"""


def main(folder, secret):
    log_to_standard_error()
    os.fsync = lambda _: None  # Nothing outlives the test.
    os.makedirs(os.path.join(folder, DEVICE), exist_ok=True)
    write(folder, 'swift.conf', '[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = only\ndefault = yes\n')
    utils.set_swift_dir(folder)
    storage_policy.reload_storage_policies()
    sockets = {store: eventlet.listen((HOST, 0)) for store in STORES}
    for store, socket in sockets.items():
        write_ring(folder, store, socket.getsockname()[1])
    for store, socket in sockets.items():
        serve(socket, write(folder, store + '.conf', STORE.format(folder=folder, store=store)))
    front = eventlet.listen((HOST, 0))
    proxy = serve(front, write(folder, 'proxy.conf', PROXY.format(folder=folder, secret=secret)), Memory())
    print(json.dumps({'ready': {'port': front.getsockname()[1]}}), flush=True)
    proxy.wait()


def log_to_standard_error():
    """In place of the system's log."""
    utils.ThreadSafeSysLogHandler = lambda **_: logging.StreamHandler(sys.stderr)
    utils.ThreadSafeSysLogHandler.priority_map = {}


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, 'w') as file:
        file.write(text)
    return path


def write_ring(folder, store, port):
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({'id': 0, 'region': 1, 'zone': 1, 'ip': HOST, 'port': port, 'device': DEVICE, 'weight': 1, 'meta': ''})
    builder.rebalance(seed=1)
    builder.get_ring().save(os.path.join(folder, store + '.ring.gz'))


class Memory:
    """In place of memcached."""

    def __init__(self):
        self.values = {}

    def get(self, key, *_, **__):
        return self.values.get(key)

    def set(self, key, value, *_, **__):
        self.values[key] = value

    def delete(self, key, *_, **__):
        self.values.pop(key, None)


def serve(socket, config, cache=None):
    app = loadapp(config, global_conf={'log_name': os.path.basename(config)})

    def cached_app(environment, start_response):
        environment['swift.cache'] = cache
        return app(environment, start_response)

    quiet = logging.getLogger('requests')
    quiet.propagate = False
    quiet.addHandler(logging.NullHandler())
    # The SDK wants `ETag` and not `Etag`.
    return eventlet.spawn(
        wsgi.server, socket, cached_app, quiet, protocol=SwiftHttpProtocol, socket_timeout=60, capitalize_response_headers=False)


main(sys.argv[1], sys.argv[2])
