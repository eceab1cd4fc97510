<?php

/**
 * What modules expect of WHMCS beside `localAPI()`, for their tests in the sandbox: `auto_prepend_file` names this
 * file. All that it keeps is in the tables that WHMCS has it in, where a test writes and reads it, until a reset.
 */

declare(strict_types=1);

use LocalApi\CallbackEnded;
use LocalApi\Database;
use WHMCS\Database\Capsule;

spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/' . strtr($class, '\\', '/') . '.php';
    if (is_file($file)) {
        require_once $file;
    }
});

// Modules use Illuminate's own classes, too. Where Composer has none they are Debian's, and have to know the store.
spl_autoload_register($illuminate = static function (string $class) use (&$illuminate): void {
    static $isLoading = false;
    $debians = 'Illuminate/Database/autoload.php';
    if ($isLoading || !str_starts_with($class, 'Illuminate\\') || stream_resolve_include_path($debians) === false) {
        return;
    }
    $isLoading = true;
    require_once $debians;
    foreach (spl_autoload_functions() as $load) {
        if ($load !== $illuminate) {
            $load($class);
        }
    }
    class_exists(Capsule::class);
    $isLoading = false;
});

if (!function_exists('encrypt')) {
    /** A text that `decrypt()` reads. It's no secret: there is no key. */
    function encrypt($string)
    {
        return 'encrypted:' . base64_encode((string) $string);
    }
}

if (!function_exists('decrypt')) {
    /** What `encrypt()` was given; an empty text for anything else. */
    function decrypt($string)
    {
        [$mark, $text] = explode(':', (string) $string, 2) + [1 => ''];
        return $mark === 'encrypted' ? (string) base64_decode($text) : '';
    }
}

if (!function_exists('getGatewayVariables')) {
    /** A gateway's settings in `tblpaymentgateways`; `type` is empty where it isn't active. */
    function getGatewayVariables($gateway)
    {
        $settings = Database::run('SELECT setting, value FROM tblpaymentgateways WHERE gateway = ?', [$gateway]);
        $defaults = ['type' => '', 'name' => $gateway, 'paymentmethod' => $gateway];
        return $settings->fetchAll(PDO::FETCH_KEY_PAIR) + $defaults;
    }
}

if (!function_exists('logTransaction')) {
    /** Adds a row to `tblgatewaylog`; what is no text is in it as `print_r()` shows it. */
    function logTransaction($gateway, $data, $result, ...$more)
    {
        Database::insert('tblgatewaylog', [
            'date' => date('Y-m-d H:i:s'),
            'gateway' => $gateway,
            'data' => is_scalar($data) ? $data : print_r($data, true),
            'result' => $result,
        ]);
    }
}

if (!function_exists('checkCbInvoiceID')) {
    /** The invoice's id, where `tblinvoices` has it; WHMCS logs and ends the script where not. */
    function checkCbInvoiceID($invoiceId, $gateway = 'Unknown')
    {
        $found = Database::value('SELECT id FROM tblinvoices WHERE id = ?', [(int) $invoiceId]);
        if ($found === null) {
            logTransaction($gateway, ['invoiceid' => $invoiceId], 'Invoice ID Not Found');
            throw new CallbackEnded('Invoice ID Not Found');
        }
        return (int) $found;
    }
}

if (!function_exists('checkCbTransID')) {
    /** WHMCS ends the script where `tblaccounts` has this transaction. */
    function checkCbTransID($transactionId)
    {
        if (Database::value('SELECT id FROM tblaccounts WHERE transid = ?', [$transactionId]) !== null) {
            throw new CallbackEnded('Transaction ID Already Used');
        }
    }
}

if (!function_exists('addInvoicePayment')) {
    /** Adds a payment to `tblaccounts`, of the whole balance without an amount. An invoice with no balance is paid. */
    function addInvoicePayment($invoiceId, $transactionId, $amount = 0, $fee = 0, $gateway = '', ...$more)
    {
        $paid = 'SELECT sum(amountin - amountout) FROM tblaccounts WHERE invoiceid = invoice.id';
        $balance = "SELECT round(total - coalesce(({$paid}), 0), 2) FROM tblinvoices AS invoice WHERE id = ?";
        $id = (int) $invoiceId;
        $due = Database::value($balance, [$id]);
        if ($due === null) {
            return false;
        }
        Database::insert('tblaccounts', [
            'userid' => Database::value('SELECT userid FROM tblinvoices WHERE id = ?', [$id]),
            'gateway' => $gateway,
            'date' => date('Y-m-d H:i:s'),
            'description' => 'Invoice Payment',
            'amountin' => (float) $amount ?: $due,
            'fees' => (float) $fee,
            'transid' => $transactionId,
            'invoiceid' => $id,
        ]);
        run_hook('AddInvoicePayment', ['invoiceid' => $id]);
        $pay = "UPDATE tblinvoices SET status = 'Paid', datepaid = ? WHERE id = ? AND status <> 'Paid'";
        if (Database::value($balance, [$id]) <= 0 && Database::run($pay, [date('Y-m-d H:i:s'), $id])->rowCount() > 0) {
            run_hook('InvoicePaid', ['invoiceid' => $id]);
        }
        return true;
    }
}
