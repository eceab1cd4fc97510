--TEST--
The functions that answer no array throw StoreException where the store fails, and ValueError for what is no use
--INI--
localapi.dsn=sqlite:/dev/null/store.sqlite
--FILE--
<?php
$class = new ReflectionClass('LocalApi\StoreException');
echo $class->getParentClass()->getName(), ' ', json_encode([$class->isFinal(), $class->isAbstract()]), "\n";

$calls = [
    fn () => LocalApi\register_service(1, 1),
    fn () => LocalApi\register_scope('x'),
    fn () => LocalApi\register_admin('x'),
    fn () => LocalApi\register_service(0, 1),
    fn () => LocalApi\register_service(serviceId: 1, clientId: PHP_INT_MIN),
];
foreach ($calls as $call) {
    try {
        $call();
    } catch (Throwable $thrown) {
        echo get_class($thrown), ' ', $thrown->getCode(), ': ', $thrown->getMessage(), "\n";
    }
}
echo json_encode(localAPI('CreateOAuthCredential'), JSON_UNESCAPED_SLASHES), "\n";

// Hosts may throw and extend it.
class HostException extends LocalApi\StoreException
{
}
try {
    throw new HostException('mine', 3);
} catch (RuntimeException $thrown) {
    echo get_class($thrown), ' ', $thrown->getCode(), ': ', $thrown->getMessage(), "\n";
}
?>
===DONE===
--EXPECT--
RuntimeException [false,false]
LocalApi\StoreException 0: The credential store cannot be opened: the folder "/dev/null" does not exist.
LocalApi\StoreException 0: The credential store cannot be opened: the folder "/dev/null" does not exist.
LocalApi\StoreException 0: The credential store cannot be opened: the folder "/dev/null" does not exist.
ValueError 0: LocalApi\register_service(): Argument #1 ($serviceId) must be greater than 0
ValueError 0: LocalApi\register_service(): Argument #2 ($clientId) must be greater than 0
{"result":"error","message":"The credential store cannot be opened: the folder \"/dev/null\" does not exist."}
HostException 3: mine
===DONE===
