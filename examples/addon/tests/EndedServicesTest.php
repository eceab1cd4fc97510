<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use LocalApi\SandboxAssertions;
use PHPUnit\Framework\TestCase;
use WHMCS\Database\Capsule;

require_once __DIR__ . '/../modules/addons/tidy/tidy.php';
require_once __DIR__ . '/../modules/addons/tidy/lib/EndedServices.php';

final class EndedServicesTest extends TestCase
{
    use SandboxAssertions;

    protected function setUp(): void
    {
        Sandbox::reset();
        tidy_activate();
        $client = Sandbox::addClient(['address1' => '1 Main Street']);
        foreach (['Active', 'Terminated', 'Cancelled'] as $status) {
            $service = Sandbox::addService($client, ['domainstatus' => $status, 'packageid' => 3]);
            $parameters = ['grantType' => 'single_sign_on', 'scope' => 'clientarea:sso', 'serviceId' => $service];
            localAPI('CreateOAuthCredential', $parameters);
        }
    }

    public function testTheCredentialsOfEndedServicesGo(): void
    {
        self::assertSame(2, (new Tidy\EndedServices())->tidy());
        self::assertCalledTimes('DeleteOAuthCredential', 2);
        self::assertSame([1], array_column(localAPI('ListOAuthCredentials')['clients'], 'serviceId'));
        self::assertSame([2, 3], Capsule::table('mod_tidy')->orderBy('id')->pluck('service_id')->all());
        $this->expectOutputString('Credentials taken away: 2');
        tidy_output([]);
    }

    public function testAServiceThatCapsuleEndsCountsToo(): void
    {
        Capsule::table('tblhosting')->where('packageid', 3)->update(['domainstatus' => 'Terminated']);
        self::assertSame(3, (new Tidy\EndedServices())->tidy());
        self::assertSame([], localAPI('ListOAuthCredentials')['clients']);
    }

    public function testWhatCannotBeDeletedStaysAndIsLogged(): void
    {
        Sandbox::fake('DeleteOAuthCredential', ['result' => 'error', 'message' => 'The credential store is full.']);
        self::assertSame(0, (new Tidy\EndedServices())->tidy());
        self::assertCount(3, localAPI('ListOAuthCredentials')['clients']);
        $line = 'Tidy: credential 2 has stayed: The credential store is full.';
        self::assertSame($line, Sandbox::activityLog()[0]['message']);
    }

    public function testDeactivatingTakesTheTableAway(): void
    {
        self::assertSame('success', tidy_deactivate()['status']);
        self::assertFalse(Capsule::schema()->hasTable('mod_tidy'));
    }
}
