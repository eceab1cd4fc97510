<?php

// Creates credentials in one batch, more than there is time for.
set_time_limit(1);
LocalApi\batch(array_fill(0, 300_000, ['CreateOAuthCredential', [
    'grantType' => 'authorization_code',
    'name' => 'In a batch',
    'scope' => 'clientarea:sso clientarea:invoices',
]]));
print 'went on';
