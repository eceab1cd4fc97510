# Asks an authorization server through Authlib. Its options are the first argument; then each line of the input is a
# call, and each line of the output what came of it: an answer, or the code of an error.
import json
import os
import sys
from urllib.parse import parse_qsl, urlsplit

os.environ['AUTHLIB_INSECURE_TRANSPORT'] = '1'

from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
import requests

options = json.loads(sys.argv[1])
server = requests.get(options['issuer'] + '/.well-known/oauth-authorization-server').json()
session = OAuth2Session(
    options['identifier'],
    options['secret'],
    redirect_uri=options['redirectUri'],
    code_challenge_method='S256',
    token_endpoint_auth_method='client_secret_' + options['authentication'],
    revocation_endpoint_auth_method='client_secret_' + options['authentication'],
)
pending = {}


def begin(scope):
    pending['verifier'] = generate_token(48)
    url, pending['state'] = session.create_authorization_url(
        server['authorization_endpoint'], code_verifier=pending['verifier'], scope=scope)
    return [url]


def finish(url):
    # As Authlib does it in its integrations of frameworks; the session alone looks for a code only.
    told = dict(parse_qsl(urlsplit(url).query))
    if 'error' in told:
        raise OAuthError(told['error'], told.get('error_description'))
    return session.fetch_token(
        server['token_endpoint'], authorization_response=url, state=pending['state'], code_verifier=pending['verifier'])


def answered(response):
    body = response.json()
    return body['error'] if 'error' in body else body


calls = {
    'metadata': lambda: server,
    'begin': begin,
    'finish': finish,
    'refresh': lambda token: session.refresh_token(server['token_endpoint'], refresh_token=token),
    'revoke': lambda token: answered(session.revoke_token(server['revocation_endpoint'], token=token)),
    'introspect': lambda token: answered(session.introspect_token(server['introspection_endpoint'], token=token)),
    'singleSignOn': lambda scope: session.fetch_token(
        server['token_endpoint'], grant_type='single_sign_on', scope=scope),
}
for line in sys.stdin:
    name, parameters = json.loads(line)
    try:
        answer = calls[name](**dict(parameters))
    except OAuthError as error:
        answer = error.error
    print(json.dumps(answer), flush=True)
