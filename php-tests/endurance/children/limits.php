<?php

// One request of a worker: a call that goes well, or one during which PHP ends the request.
class Text
{
    public function __construct(private Closure $make)
    {
    }

    public function __toString(): string
    {
        return ($this->make)();
    }
}

$data = ['grantType' => 'authorization_code', 'name' => 'A', 'scope' => 'clientarea:sso clientarea:invoices'];
$exhaust = static function (): string {
    for ($held = []; ; $held[] = str_repeat('x', 100_000)) {
    }
};
$spin = static function (): string {
    for (set_time_limit(1); ; ) {
    }
};
switch ($_GET['what']) {
    case 'call':
        exit(json_encode(localAPI('CreateOAuthCredential', $data) + ['pid' => getmypid()]));
    case 'memory in a value':
        localAPI('CreateOAuthCredential', ['description' => new Text($exhaust)] + $data);
        break;
    case 'memory in a list':
        localAPI('CreateOAuthCredential', ['redirectUri' => ['https://a.test/', new Text($exhaust)]] + $data);
        break;
    case 'time in a value':
        localAPI('CreateOAuthCredential', ['description' => new Text($spin)] + $data);
        break;
    case 'exit in a value':
        localAPI('CreateOAuthCredential', ['description' => new Text(static fn () => exit('ended'))] + $data);
        break;
    case 'exit in a value of a call in a value':
        $inner = static fn () => localAPI('CreateOAuthCredential', ['name' => new Text(static fn () => exit('ended'))]
            + $data)['result'];
        localAPI('CreateOAuthCredential', ['description' => new Text($inner)] + $data);
        break;
    case 'time between calls':
        for (set_time_limit(1); ; ) {
            localAPI('CreateOAuthCredential', $data);
        }
    case 'memory in the answer':
        // Nothing may be got from the system any more, and only answers use up what PHP has left.
        $held = new SplFixedArray(100_000);
        ini_set('memory_limit', (string) memory_get_usage(true));
        for ($i = 0; $i < 100_000; $i++) {
            $held[$i] = localAPI('CreateOAuthCredential', $data);
            print '.';
        }
        break;
    case 'wait':
        localAPI('CreateOAuthCredential', $data);
}
print 'went on';
