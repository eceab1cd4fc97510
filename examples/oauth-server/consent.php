<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Allow access?</title>
<?php if (str_starts_with($client['logoUri'], 'https://')) { ?>
<img src="<?= htmlspecialchars($client['logoUri']) ?>" alt="" height="48">
<?php } ?>
<h1><?= htmlspecialchars($client['name']) ?> asks for access to your account</h1>
<p><?= htmlspecialchars($client['description']) ?></p>
<ul>
<?php foreach ($scope as $name) { ?>
    <li><?= htmlspecialchars($client['scope'][$name] ?: $name) ?></li>
<?php } ?>
</ul>
<p>You will return to <?= htmlspecialchars($redirectUri) ?>.</p>
<form method="post" action="/authorize">
    <input type="hidden" name="request" value="<?= $request ?>">
    <button name="decision" value="allow">Allow</button>
    <button name="decision" value="deny">Deny</button>
</form>
