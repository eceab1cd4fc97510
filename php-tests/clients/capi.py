"""Threads that share a handle of the C interface, by ctypes. Usage: capi.py LIBRARY STORE"""
import ctypes
import json
import sys
import threading

library = ctypes.CDLL(sys.argv[1])
library.localapi_open.restype = ctypes.c_void_p
for function in (library.localapi_call, library.localapi_verify):
    function.restype = ctypes.c_void_p
library.localapi_call.argtypes = [ctypes.c_void_p] + [ctypes.c_char_p] * 3
library.localapi_verify.argtypes = [ctypes.c_void_p] + [ctypes.c_char_p] * 2
library.localapi_free.argtypes = library.localapi_close.argtypes = [ctypes.c_void_p]


def taken(address):
    try:
        return json.loads(ctypes.string_at(address))
    finally:
        library.localapi_free(address)


handle = library.localapi_open(json.dumps({'dsn': 'sqlite:' + sys.argv[2]}).encode(), None)
made = []


def create():
    wish = json.dumps({'grantType': 'authorization_code', 'name': 'Shop', 'scope': 'openid'}).encode()
    for _ in range(10):
        made.append(taken(library.localapi_call(handle, b'CreateOAuthCredential', wish, b'admin')))


threads = [threading.Thread(target=create) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ids = {answer['credentialId'] for answer in made}
assert len(ids) == 80, made
for answer in made:
    identifier, secret = answer['clientIdentifier'].encode(), answer['clientSecret'].encode()
    found = taken(library.localapi_verify(handle, identifier, secret))
    assert found['value']['credentialId'] == answer['credentialId'], found
library.localapi_close(handle)
print('well')
