<?php

declare(strict_types=1);

use LocalApi\CallbackEnded;
use LocalApi\Sandbox;
use LocalApi\StoreException;
use PHPUnit\Framework\TestCase;
use WHMCS\Config\Setting;
use WHMCS\Database\Capsule;

require_once __DIR__ . '/../process.php';
require_once __DIR__ . '/../../sandbox/whmcs.php';

/** A table with a model of Eloquent. */
final class Client extends Illuminate\Database\Eloquent\Model
{
    protected $table = 'tblclients';
}

/** The sandbox's store by PDO and Capsule, and what modules expect beside it; SandboxTest runs this in a sandbox. */
final class WhmcsSuite extends TestCase
{
    private const CREATE = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];

    protected function setUp(): void
    {
        Sandbox::reset();
    }

    private static function whmcs(): string
    {
        return 'require ' . var_export(__DIR__ . '/../../sandbox/whmcs.php', true) . ';';
    }

    private static function invoice(string $total): int
    {
        return Sandbox::addRow('tblinvoices', ['userid' => 42, 'total' => $total, 'status' => 'Unpaid']);
    }

    public function testWhatWasThereBeforePdoWasAskedForIsThereAfterwards(): void
    {
        $process = <<<'PHP'
            LocalApi\Sandbox::addClient(['id' => 42, 'nickname' => 'A']);
            $parameters = ['grantType' => 'authorization_code', 'name' => 'n', 'scope' => 'openid'];
            localAPI('CreateOAuthCredential', $parameters);
            $pdo = new PDO(LocalApi\Sandbox::pdoDsn());
            echo $pdo->query('SELECT nickname FROM tblclients WHERE id = 42')->fetchColumn(),
                $pdo->query('SELECT name FROM tbloauthserver_clients')->fetchColumn(),
                localAPI('ListOAuthCredentials')['clients'][0]['credentialId'],
                LocalApi\Sandbox::addClient();
            PHP;
        self::assertSame('An143', php($process, ['localapi.sandbox' => 1]));
    }

    public function testTheNameStaysTheSame(): void
    {
        $dsn = Sandbox::pdoDsn();
        self::assertMatchesRegularExpression('~^sqlite:file:/localapi-sandbox-\d+\?vfs=memdb$~', $dsn);
        Sandbox::reset();
        self::assertSame($dsn, Sandbox::pdoDsn());
    }

    public function testRowsAreSeenOnBothSides(): void
    {
        Sandbox::addService(Sandbox::addClient(['id' => 42, 'address1' => '1 Main Street']), ['packageid' => 3]);
        self::assertSame('1 Main Street', Capsule::table('tblclients')->where('id', 42)->value('address1'));
        self::assertSame(3, Capsule::table('tblhosting')->value('packageid'));
        self::assertSame('1 Main Street', Client::find(42)->address1);
        Capsule::table('tblhosting')->insert(['id' => 7, 'userid' => 42]);
        $parameters = ['grantType' => 'single_sign_on', 'scope' => 'clientarea:sso', 'serviceId' => 7];
        self::assertSame('success', localAPI('CreateOAuthCredential', $parameters)['result']);
        self::assertSame(7, Capsule::table('tbloauthserver_clients')->value('service_id'));
    }

    public function testAScopeThatCapsuleAddsIsThereForTheNextCall(): void
    {
        self::assertSame('error', localAPI('CreateOAuthCredential', ['scope' => 'mine'] + self::CREATE)['result']);
        Capsule::table('tbloauthserver_scopes')->insert(['scope' => 'mine']);
        self::assertSame('success', localAPI('CreateOAuthCredential', ['scope' => 'mine'] + self::CREATE)['result']);
    }

    public function testResetEmptiesBoth(): void
    {
        $new = fn () => [
            Capsule::table('tblclients')->count(),
            Capsule::table('tbladmins')->pluck('username')->all(),
            Capsule::schema()->hasTable('mod_mine'),
            Capsule::schema()->hasColumn('tblclients', 'nickname'),
            Capsule::schema()->hasTable('tblinvoices'),
            Capsule::table('tblinvoices')->count(),
        ];
        for ($round = 1; $round <= 2; ++$round) {
            self::assertSame([0, ['admin'], false, false, true, 0], $new());
            Capsule::table('tblclients')->insert(['firstname' => 'A']);
            Capsule::table('tbladmins')->delete();
            Capsule::schema()->create('mod_mine', fn ($table) => $table->increments('id'));
            Sandbox::addClient(['nickname' => 'A']);
            self::assertSame(1, self::invoice('1.00'));
            self::assertSame([2, [], true, true, true, 1], $new());
            Sandbox::reset();
        }
        self::assertSame(1, localAPI('CreateOAuthCredential', self::CREATE)['credentialId']);
        Capsule::table('tblclients')->insert(['firstname' => 'A']);
        self::assertSame(1, Capsule::table('tblclients')->value('id'));
    }

    public function testTablesThatOnlyCapsuleHasDroppedComeBack(): void
    {
        Sandbox::reset();
        Capsule::schema()->drop('tblinvoices');
        Sandbox::reset();
        self::assertSame(1, self::invoice('1.00'));
    }

    public function testATableTakesAnyColumnUntilTheNextReset(): void
    {
        $values = ['whole' => 5, 'amount' => 1.5, 'flag' => true, 'word' => '05', 'order' => 1];
        Sandbox::addClient($values);
        Sandbox::addClient(['WORD' => 'b']);
        $rows = Capsule::table('tblclients')->get(array_keys($values));
        self::assertSame(['whole' => 5, 'amount' => 1.5, 'flag' => 1, 'word' => '05', 'order' => 1], (array) $rows[0]);
        self::assertSame(['whole' => 0, 'amount' => 0, 'flag' => 0, 'word' => 'b', 'order' => 0], (array) $rows[1]);
        self::assertSame(1, Capsule::table('tblclients')->where('whole', '>', 4)->count());
    }

    public function testAColumnThatIsNamedWithNullIsThereAndAnyOtherHasItsDefault(): void
    {
        Capsule::schema()->create('mod_mine', function ($table): void {
            $table->increments('id');
            $table->string('note')->nullable();
        });
        self::assertSame(1, Sandbox::addRow('mod_mine', ['id' => null, 'note' => null, 'ended' => null, 'NOTE2' => null]));
        self::assertSame(2, Sandbox::addRow('mod_mine', ['ended' => 'now']));
        $rows = Capsule::table('mod_mine')->get()->map(fn (object $row): array => (array) $row)->all();
        self::assertSame(['id' => 1, 'note' => null, 'ended' => null, 'NOTE2' => null], $rows[0]);
        self::assertSame(['id' => 2, 'note' => null, 'ended' => 'now', 'NOTE2' => null], $rows[1]);
        $client = Capsule::table('tblclients')->find(Sandbox::addClient(['email' => null, 'created_at' => null]));
        self::assertSame('', $client->email);
        self::assertNotNull($client->created_at);
    }

    public function testARowGoesIntoAnyTableThereIs(): void
    {
        Capsule::schema()->create('mod_mine', fn ($table) => $table->increments('id'));
        self::assertSame(1, Sandbox::addRow('mod_mine'));
        self::assertSame(9, Sandbox::addRow('mod_mine', ['id' => 9, 'name' => 'n']));
        self::assertSame('n', Capsule::table('mod_mine')->where('id', 9)->value('name'));
        foreach (['mod_none', '', 'mod_mine; --', "\xff"] as $table) {
            try {
                Sandbox::addRow($table);
                self::fail($table);
            } catch (ValueError $error) {
                $expected = 'LocalApi\Sandbox::addRow(): Argument #1 ($table) must be a table of the sandbox';
                self::assertSame($expected, $error->getMessage());
            }
        }
        $must = 'Argument #2 ($columns) must hold an "id" and other unique values that no other row has';
        $this->expectExceptionMessage($must);
        Sandbox::addRow('mod_mine', ['id' => 9]);
    }

    public function testWhatPdoHoldsIsToldAtOnceAndTheStoreGoesOn(): void
    {
        $held = "The sandbox's store is in use by PDO: "
            . 'end the transaction, or read the result to its end, before this call.';
        $pdo = new PDO(Sandbox::pdoDsn());
        $pdo->beginTransaction();
        $pdo->exec("INSERT INTO tblclients (firstname) VALUES ('A')");
        self::assertSame(['result' => 'error', 'message' => $held], localAPI('CreateOAuthCredential', self::CREATE));
        try {
            Sandbox::reset();
            self::fail('no exception');
        } catch (StoreException $exception) {
            self::assertSame($held, $exception->getMessage());
        }
        $pdo->rollBack();
        self::assertSame('success', localAPI('CreateOAuthCredential', self::CREATE)['result']);
        self::assertSame(1, Capsule::table('tbloauthserver_clients')->count());
    }

    public function testResetRollsBackWhatATestHasLeftOpen(): void
    {
        $left = [
            fn () => Capsule::connection()->beginTransaction(),
            fn () => [Capsule::connection()->beginTransaction(), Capsule::connection()->beginTransaction()],
            fn () => LocalApi\Database::connection()->beginTransaction(),
        ];
        foreach ($left as $begin) {
            $begin();
            Capsule::table('tblclients')->insert(['email' => 'a']);
            Sandbox::reset();
            self::assertSame([0, 0], [Capsule::connection()->transactionLevel(), Capsule::table('tblclients')->count()]);
            Capsule::connection()->transaction(fn () => Capsule::table('tblclients')->insert(['email' => 'b']));
            self::assertSame(2, Sandbox::addClient());
            Sandbox::reset();
        }
    }

    public function testIlluminatesOwnClassesFindTheStoreToo(): void
    {
        $uses = [
            'Illuminate\Database\Capsule\Manager::table("tblclients")->count()',
            '(new class extends Illuminate\Database\Eloquent\Model { protected $table = "tblclients"; })->count()',
            '(int) class_exists("Illuminate\None")',
            'count(WHMCS\Database\Capsule::select("SELECT * FROM tblclients"))',
        ];
        foreach (array_combine($uses, ['1', '1', '0', '1']) as $use => $expected) {
            $code = self::whmcs() . "LocalApi\Sandbox::addClient(); echo {$use};";
            self::assertSame($expected, php($code, ['localapi.sandbox' => 1]), $use);
            // Composer's loader is asked before the sandbox's.
            $composers = 'require "Illuminate/Database/autoload.php";';
            $boots = str_contains($use, 'WHMCS') ? '' : 'class_exists(WHMCS\Database\Capsule::class);';
            $code = $composers . self::whmcs() . "{$boots} LocalApi\Sandbox::addClient(); echo {$use};";
            self::assertSame($expected, php($code, ['localapi.sandbox' => 1]), $use);
        }
    }

    public function testWithoutIlluminateTheRestIsThere(): void
    {
        $code = self::whmcs() . 'echo LocalApi\Sandbox::addRow("tblinvoices", ["total" => 5]), checkCbInvoiceID("1");
            try {
                WHMCS\Database\Capsule::table("tblclients");
            } catch (LogicException $e) {
                echo $e->getMessage();
            }';
        $needs = 'WHMCS\Database\Capsule needs Illuminate: apt-get install php-illuminate-database, '
            . 'or composer require --dev illuminate/database';
        self::assertSame("11{$needs}", php($code, ['localapi.sandbox' => 1, 'include_path' => '.']));
    }

    public function testWhatASuiteDeclaresItselfStays(): void
    {
        $own = scratch_folder() . '/own.php';
        file_put_contents($own, '<?php
            namespace WHMCS\Config { class Setting { public static function getValue() { return "own"; } } }
            namespace { function encrypt() { return "own"; } }
        ');
        $code = "require '{$own}';" . self::whmcs();
        $code .= 'echo encrypt(), WHMCS\Config\Setting::getValue(), decrypt("x");';
        self::assertSame('ownown', php($code, ['localapi.sandbox' => 1]));
    }

    public function testSettingsAreRowsOfTheirTable(): void
    {
        self::assertNull(Setting::getValue('SystemURL'));
        Setting::setValue('SystemURL', 'https://a.test/');
        Setting::setValue('SystemURL', 'https://b.test/');
        self::assertSame('https://b.test/', Setting::getValue('SystemURL'));
        $rows = Capsule::table('tblconfiguration')->where('setting', 'SystemURL')->pluck('value')->all();
        self::assertSame(['https://b.test/'], $rows);
    }

    public function testDecryptReadsWhatEncryptHasMade(): void
    {
        foreach (['', 'a:b', "\xff"] as $text) {
            self::assertSame($text, decrypt(encrypt($text)));
        }
        self::assertStringNotContainsString('secret', encrypt('secret'));
        self::assertSame(['', ''], [decrypt('secret'), decrypt('')]);
    }

    public function testAGatewaysVariablesAreRowsOfTheirTable(): void
    {
        self::assertSame(['type' => '', 'name' => 'pay', 'paymentmethod' => 'pay'], getGatewayVariables('pay'));
        foreach (['type' => 'CC', 'name' => 'Pay', 'key' => 'k'] as $setting => $value) {
            Sandbox::addRow('tblpaymentgateways', ['gateway' => 'pay', 'setting' => $setting, 'value' => $value]);
        }
        $variables = ['type' => 'CC', 'name' => 'Pay', 'key' => 'k', 'paymentmethod' => 'pay'];
        self::assertSame($variables, getGatewayVariables('pay'));
    }

    public function testTransactionsAreLogged(): void
    {
        logTransaction('Pay', 'text', 'Success');
        logTransaction('Pay', ['a' => 1], 'Failure', 'more');
        $logged = Capsule::table('tblgatewaylog')->get(['gateway', 'data', 'result'])->map(fn ($row) => (array) $row);
        self::assertSame([
            ['gateway' => 'Pay', 'data' => 'text', 'result' => 'Success'],
            ['gateway' => 'Pay', 'data' => "Array\n(\n    [a] => 1\n)\n", 'result' => 'Failure'],
        ], $logged->all());
    }

    public function testAnInvoiceThatIsNotThereEndsTheCallback(): void
    {
        self::assertSame(1, checkCbInvoiceID((string) self::invoice('1.00'), 'Pay'));
        try {
            checkCbInvoiceID('2', 'Pay');
            self::fail('no exception');
        } catch (CallbackEnded $ended) {
            self::assertSame('Invoice ID Not Found', $ended->getMessage());
        }
        self::assertSame('Invoice ID Not Found', Capsule::table('tblgatewaylog')->value('result'));
    }

    public function testATransactionThatIsThereEndsTheCallback(): void
    {
        checkCbTransID('a');
        addInvoicePayment(self::invoice('1.00'), 'a', '1.00', 0, 'pay');
        checkCbTransID('b');
        $this->expectException(CallbackEnded::class);
        checkCbTransID('a');
    }

    public function testPaymentsPayAnInvoice(): void
    {
        $ran = [];
        foreach (['AddInvoicePayment', 'InvoicePaid'] as $point) {
            add_hook($point, 1, function (array $vars) use (&$ran, $point): void {
                $ran[] = [$point, $vars];
            });
        }
        $invoice = self::invoice('30.30');
        $status = fn () => Capsule::table('tblinvoices')->where('id', $invoice)->value('status');
        self::assertTrue(addInvoicePayment($invoice, 'a', '10.10', '0.5', 'pay'));
        self::assertSame('Unpaid', $status());
        self::assertTrue(addInvoicePayment($invoice, 'b', '20.20', 0, 'pay'));
        self::assertSame('Paid', $status());
        self::assertTrue(addInvoicePayment($invoice, 'c', 1, 0, 'pay', true));
        $vars = ['invoiceid' => $invoice];
        $payment = ['AddInvoicePayment', $vars];
        self::assertSame([$payment, $payment, ['InvoicePaid', $vars], $payment], $ran);
        $columns = ['userid', 'gateway', 'amountin', 'fees', 'transid', 'invoiceid'];
        $row = (array) Capsule::table('tblaccounts')->first($columns);
        $expected = ['gateway' => 'pay', 'amountin' => 10.1, 'fees' => 0.5, 'transid' => 'a', 'invoiceid' => $invoice];
        self::assertSame(['userid' => 42] + $expected, $row);
        self::assertFalse(addInvoicePayment(99, 'd', 1, 0, 'pay'));
    }

    public function testAPaymentWithoutAnAmountIsTheBalance(): void
    {
        $invoice = self::invoice('30.00');
        addInvoicePayment($invoice, 'a', '10.00', 0, 'pay');
        addInvoicePayment($invoice, 'b', '', 0, 'pay');
        self::assertSame(20, Capsule::table('tblaccounts')->where('transid', 'b')->value('amountin'));
        self::assertSame('Paid', Capsule::table('tblinvoices')->value('status'));
    }
}
