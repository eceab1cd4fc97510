<?php

// In WHMCS this file is WHMCS's own. In the sandbox all that a callback needs of it is there already.
