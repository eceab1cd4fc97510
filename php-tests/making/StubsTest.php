<?php

declare(strict_types=1);

use PHPStan\PhpDocParser\Ast\PhpDoc\{InvalidTagValueNode, PhpDocNode};
use PHPStan\PhpDocParser\Ast\Type\{ArrayShapeNode, ConditionalTypeForParameterNode, ConstTypeNode, GenericTypeNode};
use PHPStan\PhpDocParser\Ast\Type\{IdentifierTypeNode, TypeNode, UnionTypeNode};
use PHPStan\PhpDocParser\Lexer\Lexer;
use PHPStan\PhpDocParser\Parser\{ConstExprParser, PhpDocParser, TokenIterator, TypeParser};
use PHPStan\PhpDocParser\ParserConfig;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../process.php';
require_once '/usr/share/php/PHPStan/PhpDocParser/autoload.php';

/** What static analysis reads: the docblocks, as PHPStan's parser takes them, and what answers really hold. */
final class StubsTest extends TestCase
{
    private const ROOT = __DIR__ . '/../..';

    public function test_every_docblock_can_be_read(): void
    {
        $faults = [];
        $count = 0;
        foreach (explode("\n", trim(run(['find', self::ROOT . '/stubs', self::ROOT . '/sandbox', '-name', '*.php']))) as $file) {
            foreach (token_get_all(file_get_contents($file)) as $token) {
                if ($token[0] === T_DOC_COMMENT) {
                    $count++;
                    foreach ($this->parse($token[1])->getTags() as $tag) {
                        if ($tag->value instanceof InvalidTagValueNode) {
                            $faults[] = basename($file) . ":$token[2] $tag->name";
                        }
                    }
                }
            }
        }
        self::assertSame([], $faults);
        self::assertGreaterThan(50, $count);
    }

    /** In one process, with a store of its own: each answer that the shapes describe. */
    public function test_each_answer_has_the_shape_that_the_stubs_give_it(): void
    {
        $said = php('
            LocalApi\register_service(7, 42);
            $code = ["grantType" => "authorization_code", "name" => "Shop", "scope" => "openid", "redirectUri" => "https://a.example/b"];
            $sso = ["grantType" => "single_sign_on", "serviceId" => 7, "scope" => "clientarea:sso"];
            foreach ([$code, $sso, []] as $data) {
                $answers["localAPI CreateOAuthCredential"][] = $made[] = localAPI("CreateOAuthCredential", $data);
            }
            foreach ([[], ["limit" => 1, "sortField" => "name"], ["sortField" => "none"]] as $data) {
                $answers["localAPI ListOAuthCredentials"][] = localAPI("ListOAuthCredentials", $data);
            }
            foreach ([["credentialId" => 1], ["credentialId" => 1, "resetSecret" => 1], []] as $data) {
                $answers["localAPI UpdateOAuthCredential"][] = localAPI("UpdateOAuthCredential", $data);
            }
            foreach ([0, 1] as $i) {
                $answers["find_credential"][] = LocalApi\find_credential($made[$i]["clientIdentifier"]);
                $answers["verify_credential"][] = LocalApi\verify_credential($made[$i]["clientIdentifier"], $made[$i]["clientSecret"]);
            }
            $answers["issue_api_credential"][] = LocalApi\issue_api_credential("admin");
            $answers["respond"][] = LocalApi\respond([], []);
            foreach ([1, 1] as $id) {
                $answers["localAPI DeleteOAuthCredential"][] = localAPI("DeleteOAuthCredential", ["credentialId" => $id]);
            }
            echo serialize($answers);
        ', ['localapi.dsn' => 'sqlite::memory:']);
        $all = unserialize($said);
        self::assertIsArray($all, $said);
        foreach ($all as $name => $answers) {
            [$function, $command] = explode(' ', $name) + [1 => ''];
            $type = $this->returned($function, $command);
            foreach ($answers as $answer) {
                self::assertTrue($this->is($type, $answer), "$name is no $type: " . json_encode($answer));
            }
        }
    }

    private function is(TypeNode $type, mixed $value): bool
    {
        return match (true) {
            $type instanceof UnionTypeNode => array_filter($type->types, fn ($one) => $this->is($one, $value)) !== [],
            $type instanceof ConstTypeNode => is_scalar($value) && trim((string) $type, "'") === (string) $value,
            $type instanceof ArrayShapeNode => is_array($value) && $this->has($type, $value),
            $type instanceof GenericTypeNode => is_array($value) && $this->holds($type, $value),
            $type instanceof IdentifierTypeNode => match ($type->name) {
                'string' => is_string($value),
                'non-empty-string' => is_string($value) && $value !== '',
                'int' => is_int($value),
                'positive-int' => is_int($value) && $value > 0,
                'non-negative-int' => is_int($value) && $value >= 0,
                'bool' => is_bool($value),
                'null' => $value === null,
                'mixed' => true,
            },
        };
    }

    /** Exactly these keys, in this order. */
    private function has(ArrayShapeNode $shape, array $value): bool
    {
        $keys = [];
        foreach ($shape->items as $item) {
            $key = trim((string) $item->keyName, "'");
            if (array_key_exists($key, $value)) {
                $keys[] = $key;
                if (!$this->is($item->valueType, $value[$key])) {
                    return false;
                }
            } elseif (!$item->optional) {
                return false;
            }
        }
        return $keys === array_keys($value);
    }

    private function holds(GenericTypeNode $type, array $values): bool
    {
        $of = $type->genericTypes[count($type->genericTypes) - 1];
        $keys = $type->type->name !== 'list' || array_is_list($values);
        return $keys && array_filter($values, fn ($value) => !$this->is($of, $value)) === [];
    }

    /** What the stubs say that a function returns, for a command where it depends on that. */
    private function returned(string $function, string $command): TypeNode
    {
        $stubs = file_get_contents(self::ROOT . '/stubs/localapi.stubs.php');
        preg_match('~/\*\*(?:(?!\*/).)*\*/\s+function ' . $function . '\(~s', $stubs, $found);
        $type = $this->parse(preg_replace('~\*/\s+function.*$~s', '*/', $found[0]))->getReturnTagValues()[0]->type;
        while ($type instanceof ConditionalTypeForParameterNode) {
            $type = trim((string) $type->targetType, "'") === $command ? $type->if : $type->else;
        }
        return $type;
    }

    private function parse(string $docblock): PhpDocNode
    {
        // Its second major version wants a configuration.
        $config = class_exists(ParserConfig::class) ? [new ParserConfig([])] : [];
        $constants = new ConstExprParser(...$config);
        $parser = new PhpDocParser(...$config, ...[new TypeParser(...$config, ...[$constants]), $constants]);
        return $parser->parse(new TokenIterator((new Lexer(...$config))->tokenize($docblock)));
    }
}
