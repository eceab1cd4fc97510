--TEST--
What __toString throws reaches the caller unchanged, and nothing is stored
--INI--
localapi.dsn=sqlite::memory:
--FILE--
<?php
final class Mine extends DomainException
{
}
$thrown = new Mine('from __toString', 7, new LogicException('before'));
$object = new class($thrown) {
    function __construct(private Throwable $thrown)
    {
    }
    function __toString(): string
    {
        throw $this->thrown;
    }
};
$data = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
$single = ['grantType' => 'single_sign_on', 'scope' => 'openid', 'serviceId' => $object];
$calls = ['serviceId' => $single, 'in a list' => ['redirectUri' => ['https://a.example/', $object]] + $data];
foreach (['grantType', 'scope', 'name', 'description', 'logoUri', 'redirectUri'] as $name) {
    $calls[$name] = [$name => $object] + $data;
}
foreach ($calls as $where => $postData) {
    try {
        $answer = localAPI('CreateOAuthCredential', $postData);
        echo "$where: answered ", json_encode($answer), "\n";
    } catch (Throwable $caught) {
        echo $where, ': ', $caught === $thrown ? 'the same object' : get_class($caught), "\n";
    }
}
try {
    localAPI($object);
} catch (Throwable $caught) {
    echo 'command: ', json_encode($caught === $thrown), "\n";
}
// A parameter that no rule reads isn't looked at.
echo localAPI('CreateOAuthCredential', ['serviceId' => $object, 'email' => $object] + $data)['credentialId'], "\n";
?>
===DONE===
--EXPECT--
serviceId: the same object
in a list: the same object
grantType: the same object
scope: the same object
name: the same object
description: the same object
logoUri: the same object
redirectUri: the same object
command: true
1
===DONE===
