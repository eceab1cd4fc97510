<?php

// Issues a credential for calls over HTTP.
echo json_encode(LocalApi\issue_api_credential('admin')), "\n";
