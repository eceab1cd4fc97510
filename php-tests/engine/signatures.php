<?php

/**
 * Prints, as JSON, every constant, function and class of a stub file (`php -n signatures.php <stub>`), or of the
 * extension that is loaded, down to each type and default. Equal APIs print the same.
 */
declare(strict_types=1);

if (isset($argv[1])) {
    $known = get_declared_classes();
    require $argv[1];
    $functions = array_map(fn ($name) => new ReflectionFunction($name), get_defined_functions()['user']);
    $functions = array_filter($functions, fn ($function) => $function->getFileName() === realpath($argv[1]));
    $classes = array_map(fn ($name) => new ReflectionClass($name), array_diff(get_declared_classes(), $known));
    $constants = get_defined_constants(true)['user'] ?? [];
} else {
    $extension = new ReflectionExtension('localapi');
    [$functions, $classes] = [$extension->getFunctions(), $extension->getClasses()];
    $constants = get_defined_constants(true)['localapi'] ?? [];
}

$api = [];
foreach ($constants as $name => $value) {
    // Their values are the request's own.
    $api["constant $name"] = get_debug_type($value);
}
foreach ($functions as $function) {
    $api['function ' . $function->getName()] = signature($function);
}
foreach ($classes as $class) {
    $name = 'class ' . $class->getName();
    $parent = $class->getParentClass();
    $api[$name] = implode(' ', [
        ...Reflection::getModifierNames($class->getModifiers()),
        $class->isInterface() ? 'interface' : 'class',
        'extends ' . ($parent ? $parent->getName() : 'nothing'),
        'implements ' . json_encode($class->getInterfaceNames()),
    ]);
    $own = fn ($member) => $member->getDeclaringClass()->getName() === $class->getName();
    foreach (array_filter($class->getMethods(), $own) as $method) {
        $modifiers = implode(' ', Reflection::getModifierNames($method->getModifiers()));
        $api["$name::{$method->getName()}()"] = "$modifiers " . signature($method);
    }
    foreach (array_filter($class->getProperties(), $own) as $property) {
        $modifiers = implode(' ', Reflection::getModifierNames($property->getModifiers()));
        $default = $property->hasDefaultValue() ? var_export($property->getDefaultValue(), true) : 'none';
        $api["$name::\${$property->getName()}"] = "$modifiers {$property->getType()} = $default";
    }
    foreach (array_filter($class->getReflectionConstants(), $own) as $constant) {
        $modifiers = implode(' ', Reflection::getModifierNames($constant->getModifiers()));
        $api["$name::{$constant->getName()}"] = "$modifiers = " . var_export($constant->getValue(), true);
    }
}
ksort($api);
echo json_encode($api, JSON_THROW_ON_ERROR);

function signature(ReflectionFunctionAbstract $function): string
{
    $parameters = [];
    foreach ($function->getParameters() as $parameter) {
        $default = match (true) {
            !$parameter->isOptional() => 'required',
            $parameter->isDefaultValueAvailable() => var_export($parameter->getDefaultValue(), true),
            default => 'optional',
        };
        // One that this PHP doesn't have yet says nothing to it.
        $attributes = array_filter($parameter->getAttributes(), fn ($attribute) => class_exists($attribute->getName()));
        $parameters[] = implode(' ', [
            ...array_map(fn ($attribute) => "#[{$attribute->getName()}]", $attributes),
            $parameter->getType() ?? 'untyped',
            $parameter->isPassedByReference() ? '&' : '',
            $parameter->isVariadic() ? '...' : '',
            '$' . $parameter->getName(),
            "= $default",
        ]);
    }
    $return = $function->getReturnType() ?? $function->getTentativeReturnType() ?? 'untyped';
    $reference = $function->returnsReference() ? '&' : '';
    return "$reference(" . implode(', ', $parameters) . "): $return";
}
