<?php

/**
 * Prints a script that does in a bare system what the README and the pages say, block by block; packaging/walk runs it.
 */
declare(strict_types=1);

require __DIR__ . '/Block.php';

echo <<<'SH'
    set -Eeuo pipefail
    cd /root
    # The reader of the reference has a project.
    echo '{}' >composer.json
    # A block's place, and its code on the standard input.
    begin() {
        place=$1
        echo "$place"
        cat >/root/block
    }
    trap 'echo "$place failed:"; cat /root/block /root/said; exit 1' ERR
    run() {
        "$@" </dev/null >/root/said 2>&1
    }
    silent() {
        [ ! -s /root/said ]
    }

    SH;

foreach (Block::PAGES as $page) {
    foreach (Block::all($page) as $block) {
        if ($block->notRun !== null) {
            echo 'echo ', escapeshellarg("$block->place is not run: $block->notRun"), "\n";
            continue;
        }
        echo "begin $block->place <<'END-OF-BLOCK'\n$block->text", "END-OF-BLOCK\n";
        echo match (true) {
            $block->file !== null => "install -D -m 644 /root/block $block->file\n",
            $block->language === 'sh' => "run bash -euo pipefail /root/block\n",
            $block->language === 'php' => "sed -i '1s/^/<?php\\n/' /root/block \n"
                . "run php -d error_reporting=-1 -d display_errors=1 -d html_errors=0 /root/block\nsilent\n",
            // PHP reads it after its other INI files, and says nothing.
            $block->language === 'ini' => "install -D -m 644 /root/block /root/ini/block.ini\n"
                . "PHP_INI_SCAN_DIR=:/root/ini run php -r ''\nsilent\n",
            $block->language === 'nginx' => "{ echo 'events {} http { server {'; cat /root/block; echo '}}'; } "
                . ">/etc/nginx/walk.conf\nrun nginx -t -c /etc/nginx/walk.conf\n",
            $block->language === 'apache' => "mkdir -p /srv/localapi/public\n"
                . "install -D -m 644 /root/block /etc/apache2/conf-enabled/walk.conf\nrun apache2ctl -t\n",
            default => "true # it's for others to run\n",
        };
    }
}
echo "echo 'All blocks have run.'\n";
