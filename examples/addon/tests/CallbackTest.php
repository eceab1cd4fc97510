<?php

declare(strict_types=1);

use LocalApi\CallbackEnded;
use LocalApi\Sandbox;
use PHPUnit\Framework\TestCase;
use WHMCS\Database\Capsule;

final class CallbackTest extends TestCase
{
    protected function setUp(): void
    {
        Sandbox::reset();
        foreach (['type' => 'Invoices', 'name' => 'Example Pay', 'secret' => 'key'] as $setting => $value) {
            $row = ['gateway' => 'examplepay', 'setting' => $setting, 'value' => $value];
            Capsule::table('tblpaymentgateways')->insert($row);
        }
        $invoice = ['id' => 10, 'userid' => Sandbox::addClient(), 'total' => '25.00', 'status' => 'Unpaid'];
        Capsule::table('tblinvoices')->insert($invoice);
    }

    protected function tearDown(): void
    {
        $_POST = [];
    }

    /** Calls the callback as the payment service does. */
    private static function pay(string $invoice, string $transaction, string $amount, string $secret = 'key'): void
    {
        $hash = hash_hmac('sha256', $invoice . $amount, $secret);
        $_POST = ['invoice' => $invoice, 'transaction' => $transaction, 'amount' => $amount, 'hash' => $hash];
        require __DIR__ . '/../modules/gateways/callback/examplepay.php';
    }

    private static function invoiceStatus(): string
    {
        return Capsule::table('tblinvoices')->where('id', 10)->value('status');
    }

    public function testAnInvoiceIsPaidByItsPayments(): void
    {
        $paid = [];
        add_hook('InvoicePaid', 1, function (array $vars) use (&$paid): void {
            $paid[] = $vars['invoiceid'];
        });
        self::pay('10', 'a', '20.00');
        self::assertSame(['Unpaid', []], [self::invoiceStatus(), $paid]);
        self::pay('10', 'b', '5.00');
        self::assertSame(['Paid', [10]], [self::invoiceStatus(), $paid]);
        self::assertSame(['a', 'b'], Capsule::table('tblaccounts')->where('invoiceid', 10)->pluck('transid')->all());
        self::assertSame(['Success', 'Success'], Capsule::table('tblgatewaylog')->pluck('result')->all());
    }

    public function testAForgedCallIsLoggedAndPaysNothing(): void
    {
        self::pay('10', 'a', '25.00', 'another key');
        self::assertSame('Unpaid', self::invoiceStatus());
        self::assertSame('Hash Verification Failure', Capsule::table('tblgatewaylog')->value('result'));
    }

    public function testATransactionCountsOnce(): void
    {
        self::pay('10', 'a', '5.00');
        $this->expectException(CallbackEnded::class);
        self::pay('10', 'a', '5.00');
    }

    public function testAnInvoiceThatIsNotThereEndsTheCallback(): void
    {
        $this->expectException(CallbackEnded::class);
        $this->expectExceptionMessage('Invoice ID Not Found');
        self::pay('11', 'a', '25.00');
    }
}
