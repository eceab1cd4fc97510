<?php

/**
 * Calls every function of the extension and every method of LocalApi\Sandbox as it's meant, and prints what isn't right
 * and what has no call here. No function of PHP's is called: all of them may be disabled. `$argv[1]` is a new folder.
 */
declare(strict_types=1);

use LocalApi\Sandbox;

final class Scope implements JsonSerializable
{
    public function __toString(): string
    {
        return 'openid';
    }

    public function jsonSerialize(): array
    {
        return ['a' => [1, 2.0, null]];
    }
}

$extension = new ReflectionExtension('localapi');
$isSandbox = isset($extension->getFunctions()['add_hook']);
$create = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => new Scope()];
['clientIdentifier' => $identifier, 'clientSecret' => $secret] = localAPI('CreateOAuthCredential', $create);
$key = LocalApi\issue_api_credential('admin');
LocalApi\handle('X', fn (): array => ['result' => 'success', 'o' => new Scope()]);
LocalApi\handle('Y', fn (): array => throw new Exception('y'));
$respond = fn (string $action, string $type): string => LocalApi\respond(
    ['action' => $action, 'responsetype' => $type] + $key,
    ['REQUEST_METHOD' => 'POST', 'REMOTE_ADDR' => '127.0.0.1'],
)['body'];
$file = "sqlite:{$argv[1]}/store.sqlite";
$calls = [
    'localAPI' => fn () => localAPI('ListOAuthCredentials', ['limit' => '1'])['clients'][0]['scope'] === 'openid',
    'LocalApi\call' => fn () => LocalApi\call('X')['result'] === 'success',
    'LocalApi\verify_credential' => fn () => LocalApi\verify_credential($identifier, $secret)['grantType'] !== '',
    'LocalApi\find_credential' => fn () => LocalApi\find_credential($identifier)['scope']['openid'] !== null,
    'LocalApi\redirect_uri_matches' => fn () => LocalApi\redirect_uri_matches(['com.a:/'], 'com.a:/'),
    'LocalApi\batch' => fn () => LocalApi\batch([['CreateOAuthCredential', $create], ['X']])[0]['result'] === 'success',
    'LocalApi\rotate_key' => fn () => LocalApi\rotate_key() > 0,
    'LocalApi\prune' => fn () => LocalApi\prune(0) === 0,
    'LocalApi\register_service' => fn () => LocalApi\register_service(1, 1) === null,
    'LocalApi\register_scope' => fn () => LocalApi\register_scope('x', 'y') === null,
    'LocalApi\register_admin' => fn () => LocalApi\register_admin('bob') === null,
    'LocalApi\disable_admin' => fn () => LocalApi\disable_admin('nobody') === false,
    'LocalApi\scopes' => fn () => LocalApi\scopes()[0]['scope'] === 'clientarea:sso',
    'LocalApi\services' => fn () => LocalApi\services() === [['serviceId' => 1, 'clientId' => 1]],
    'LocalApi\admins' => fn () => LocalApi\admins()[0] === ['username' => 'admin', 'disabled' => false],
    'LocalApi\api_credentials' => fn () => LocalApi\api_credentials()[0]['identifier'] === $key['identifier'],
    'LocalApi\handle' => fn () => LocalApi\handle('*', fn () => null) === null,
    'LocalApi\copy_store' => fn () => LocalApi\copy_store($file, "$file.copy", fn (int $done) => $done)['secrets'] > 0,
    'LocalApi\issue_api_credential' => fn () => LocalApi\issue_api_credential('admin', ['X'], 'y')['secret'] !== '',
    'LocalApi\revoke_api_credential' => fn () => LocalApi\revoke_api_credential('none') === false,
    'LocalApi\respond' => fn () => $respond('X', 'json') === '{"result":"success","o":{"a":[1,2.0,null]}}'
        && $respond('X', 'nvp') === 'result=success;o[a][0]=1;o[a][1]=2;o[a][2]=;'
        && $respond('ListOAuthCredentials', 'xml') !== '' && $respond('Y', 'json') !== '',
];
if ($isSandbox) {
    // There is no file to copy.
    $calls['LocalApi\copy_store'] = fn () => LocalApi\copy_store('sqlite:/none/store.sqlite', $file);
    $calls += [
        'add_hook' => fn () => add_hook('P', 1, fn (array $vars): array => $vars) === null,
        'run_hook' => fn () => run_hook('P', ['a' => 1]) === [['a' => 1]],
        'logActivity' => fn () => logActivity('line', 5) === null,
        'logModuleCall' => fn () => logModuleCall('m', 'a', ['q' => 1], 'r', 'p', ['word']) === null,
        'Sandbox::addClient' => fn () => Sandbox::addClient(['firstname' => new Scope()]) === 2,
        'Sandbox::addService' => fn () => Sandbox::addService(2, ['id' => 7]) === 7,
        'Sandbox::addAdmin' => fn () => Sandbox::addAdmin('eve', ['disabled' => true]) === 3,
        'Sandbox::addScope' => fn () => Sandbox::addScope('z') > 0,
        'Sandbox::addRow' => fn () => Sandbox::addRow('tblinvoices', ['total' => 1.5]) === 1,
        'Sandbox::pdoDsn' => fn () => Sandbox::pdoDsn() !== '',
        'Sandbox::fake' => fn () => Sandbox::fake('Z', ['result' => 'success']) === null,
        'Sandbox::fakeSequence' => fn () => Sandbox::fakeSequence('S', ['n' => 1], ['n' => 2]) === null,
        'Sandbox::preventStrayCalls' => fn () => Sandbox::preventStrayCalls(false) === null,
        'Sandbox::calls' => fn () => Sandbox::calls('X')[0]['result']['result'] === 'success',
        'Sandbox::hooks' => fn () => Sandbox::hooks('P')[0]['priority'] === 1,
        'Sandbox::loadHooks' => fn () => Sandbox::loadHooks(__DIR__ . '/every-hook.php') === null,
        'Sandbox::runHook' => fn () => Sandbox::runHook('Q', 1, 2) === [[1, 2]],
        'Sandbox::activityLog' => fn () => Sandbox::activityLog()[0]['userId'] === 5,
        'Sandbox::moduleLog' => fn () => Sandbox::moduleLog()[0]['replaceVars'] === ['word'],
        'Sandbox::travel' => fn () => Sandbox::travel(1) === null,
        'Sandbox::seed' => fn () => Sandbox::seed(1) === null,
        'Sandbox::reset' => fn () => Sandbox::reset() === null,
    ];
}
foreach ($calls as $name => $call) {
    try {
        echo $call() ? '' : "$name: wrong\n";
    } catch (LocalApi\StoreException $exception) {
        echo "$name: {$exception->getMessage()}\n";
    }
}
foreach ($extension->getFunctions() as $function) {
    echo isset($calls[$function->getName()]) ? '' : "{$function->getName()}: no call\n";
}
foreach ((new ReflectionClass(Sandbox::class))->getMethods() as $method) {
    try {
        $isSandbox || $method->invoke(null);
        echo isset($calls["Sandbox::{$method->getName()}"]) ? '' : "Sandbox::{$method->getName()}: no call\n";
    } catch (LogicException) {
    }
}
