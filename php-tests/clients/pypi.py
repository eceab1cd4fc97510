# Calls through whmcspy. The URL, the identifier and the secret are its arguments; then each line of the input is a call,
# and each line of the output what came of it: an answer, or the name and the message of an exception.
import json
import sys

import whmcspy

whmcs = whmcspy.WHMCS(*sys.argv[1:])
for line in sys.stdin:
    action, parameters = json.loads(line)
    try:
        result = whmcs.call(action, **dict(parameters))
    except whmcspy.Error as error:
        result = f'{type(error).__name__}: {error}'
    print(json.dumps(result), flush=True)
