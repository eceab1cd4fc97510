<?php

add_hook("P", 3, fn () => "this file's folder");
