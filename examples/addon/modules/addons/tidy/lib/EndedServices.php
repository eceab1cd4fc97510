<?php

declare(strict_types=1);

namespace Tidy;

use WHMCS\Database\Capsule;

/** The services that have ended, and their credentials. */
final class EndedServices
{
    /** Takes the credentials of all of them away, and returns how many. */
    public function tidy(): int
    {
        $taken = 0;
        $ended = Capsule::table('tblhosting')->whereIn('domainstatus', ['Cancelled', 'Terminated'])->pluck('id');
        $credentials = Capsule::table('tbloauthserver_clients')->whereIn('service_id', $ended)->get();
        foreach ($credentials as $credential) {
            $answer = localAPI('DeleteOAuthCredential', ['credentialId' => $credential->id]);
            if ($answer['result'] !== 'success') {
                logActivity("Tidy: credential {$credential->id} has stayed: {$answer['message']}");
                continue;
            }
            Capsule::table('mod_tidy')->insert([
                'service_id' => $credential->service_id,
                'credential_id' => $credential->id,
            ]);
            ++$taken;
        }
        return $taken;
    }
}
