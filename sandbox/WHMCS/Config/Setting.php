<?php

declare(strict_types=1);

namespace WHMCS\Config;

use LocalApi\Database;

/** WHMCS's settings, as rows of `tblconfiguration`. */
class Setting
{
    /** @return mixed The setting's value, `null` where it isn't set. */
    public static function getValue($setting)
    {
        return Database::value('SELECT value FROM tblconfiguration WHERE setting = ?', [$setting]);
    }

    /** Sets it. */
    public static function setValue($setting, $value)
    {
        Database::run('DELETE FROM tblconfiguration WHERE setting = ?', [$setting]);
        Database::insert('tblconfiguration', ['setting' => $setting, 'value' => $value]);
    }
}
