<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use PHPUnit\Framework\TestCase;

final class HooksTest extends TestCase
{
    protected function setUp(): void
    {
        Sandbox::reset();
        Sandbox::fake('SendEmail', ['result' => 'success']);
        Sandbox::loadHooks(__DIR__ . '/../hooks.php');
    }

    public function testANewServiceGetsACredentialAndItsOwnerAMail(): void
    {
        Sandbox::addService(Sandbox::addClient(['id' => 42]), ['id' => 7]);

        $results = Sandbox::runHook('AfterModuleCreate', ['params' => ['serviceid' => 7]]);

        self::assertSame([['credential' => 1]], $results);
        self::assertSame(['CreateOAuthCredential', 'SendEmail'], array_column(Sandbox::calls(), 'command'));
        $created = Sandbox::calls('CreateOAuthCredential')[0]['result'];
        $mail = Sandbox::calls('SendEmail')[0]['postData'];
        self::assertSame($created['clientIdentifier'], $mail['customvars']['identifier']);
        self::assertSame([$created['clientSecret']], Sandbox::moduleLog()[0]['replaceVars']);
    }

    public function testAServiceThatIsNotThereIsLogged(): void
    {
        self::assertSame([['credential' => null]], run_hook('AfterModuleCreate', ['params' => ['serviceid' => 7]]));
        $line = 'No credential for service 7: A valid Service ID is required.';
        self::assertSame([['message' => $line, 'userId' => 0]], Sandbox::activityLog());
        self::assertSame([], Sandbox::calls('SendEmail'));
    }

    public function testNoMailIsSentWhenTheStoreFails(): void
    {
        Sandbox::fake('CreateOAuthCredential', ['result' => 'error', 'message' => 'The credential store is full.']);
        run_hook('AfterModuleCreate', ['params' => ['serviceid' => 7]]);
        self::assertSame([], Sandbox::calls('SendEmail'));
    }

    public function testTheMailShowsTheIdentifier(): void
    {
        Sandbox::seed(1);
        Sandbox::addService(Sandbox::addClient());
        run_hook('AfterModuleCreate', ['params' => ['serviceid' => 1]]);
        $identifier = Sandbox::calls('SendEmail')[0]['postData']['customvars']['identifier'];
        self::assertSame('TEST-COMPANY-NAME.EPZW5tH9VQU+UMSHXJkwow==', $identifier);
    }
}
