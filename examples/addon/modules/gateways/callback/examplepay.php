<?php

/** What the payment service calls when an invoice was paid. */
declare(strict_types=1);

require_once __DIR__ . '/../../../init.php';
require_once __DIR__ . '/../../../includes/gatewayfunctions.php';
require_once __DIR__ . '/../../../includes/invoicefunctions.php';

$gateway = getGatewayVariables('examplepay');
if (!$gateway['type']) {
    die('Module Not Activated');
}

$isGenuine = hash_equals(hash_hmac('sha256', $_POST['invoice'] . $_POST['amount'], $gateway['secret']), $_POST['hash']);
logTransaction($gateway['name'], $_POST, $isGenuine ? 'Success' : 'Hash Verification Failure');
if ($isGenuine) {
    $invoice = checkCbInvoiceID($_POST['invoice'], $gateway['name']);
    checkCbTransID($_POST['transaction']);
    addInvoicePayment($invoice, $_POST['transaction'], $_POST['amount'], 0, 'examplepay');
}
