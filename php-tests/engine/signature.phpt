--TEST--
localAPI() and LocalApi\call() have exactly the documented signature
--FILE--
<?php
foreach (['localAPI', 'LocalApi\call'] as $name) {
    $function = new ReflectionFunction($name);
    echo $function->getExtensionName(), ': ', $function->getName(), '(';
    foreach ($function->getParameters() as $parameter) {
        echo $parameter->getPosition() ? ', ' : '', $parameter->getType(), ' $', $parameter->getName();
        echo $parameter->isOptional() ? ' = ' . json_encode($parameter->getDefaultValue()) : '';
        echo $parameter->isPassedByReference() || $parameter->isVariadic() ? ' by reference or variadic' : '';
    }
    echo '): ', $function->getReturnType(), ', ', $function->getNumberOfRequiredParameters(), " required\n";
}
var_dump((new ReflectionFunction('localAPI'))->isDeprecated());
?>
===DONE===
--EXPECT--
localapi: localAPI(string $command, ?array $postData = [], ?string $adminUsername = null): array, 1 required
localapi: LocalApi\call(string $command, ?array $postData = [], ?string $adminUsername = null): array, 1 required
bool(false)
===DONE===
