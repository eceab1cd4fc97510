--TEST--
__toString may call localAPI() itself
--INI--
localapi.dsn=sqlite::memory:
--FILE--
<?php
final class Caller
{
    function __construct(private int $depth)
    {
    }
    function __toString(): string
    {
        $name = $this->depth === 0 ? 'innermost' : new self($this->depth - 1);
        LocalApi\register_scope("depth:$this->depth");
        return 'depth ' . create($name, "openid depth:$this->depth");
    }
}
function create(string|Stringable $name, string $scope): int
{
    $data = ['grantType' => 'authorization_code', 'name' => $name, 'scope' => $scope];
    return localAPI('CreateOAuthCredential', $data)['credentialId'];
}
echo create(new Caller(5), 'openid'), "\n";
?>
===DONE===
--EXPECT--
7
===DONE===
