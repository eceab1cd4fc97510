<?php

declare(strict_types=1);

use LocalApi\Sandbox;
use LocalApi\SandboxAssertions;
use PHPUnit\Framework\TestCase;

require_once __DIR__ . '/../modules/addons/tidy/tidy.php';

final class DailyCronTest extends TestCase
{
    use SandboxAssertions;

    protected function setUp(): void
    {
        Sandbox::reset();
        Sandbox::preventStrayCalls();
        Sandbox::fake('SendAdminEmail', ['result' => 'success']);
        Sandbox::loadHooks(__DIR__ . '/../modules/addons/tidy/hooks.php');
        tidy_activate();
    }

    public function testTheModuleHasADailyHook(): void
    {
        self::assertHooked('DailyCronJob');
    }

    public function testADayWithoutEndedServicesIsQuiet(): void
    {
        run_hook('DailyCronJob');
        self::assertNothingCalled();
    }

    public function testAnAdminIsToldHowManyCredentialsHaveGone(): void
    {
        $service = Sandbox::addService(Sandbox::addClient(), ['domainstatus' => 'Terminated']);
        $parameters = ['grantType' => 'single_sign_on', 'scope' => 'clientarea:sso', 'serviceId' => $service];
        localAPI('CreateOAuthCredential', $parameters);
        run_hook('DailyCronJob');
        $tellsOne = fn (array $postData) => $postData['custommessage'] === 'Credentials taken away: 1';
        self::assertCalled('SendAdminEmail', $tellsOne);
    }
}
