dnl For phpize, which PIE runs: cargo builds, and PHP's own makefile installs. There is no PHP_NEW_EXTENSION, which
dnl would build an empty library over ours.
PHP_ARG_ENABLE([localapi], [whether to enable localapi], [AS_HELP_STRING([--enable-localapi], [Enable localapi])], [yes])

AC_PATH_PROG([CARGO], [cargo], [no])
if test "$CARGO" = no; then
  AC_MSG_ERROR([cargo is missing: see https://rustup.rs])
fi

dnl The binding wants whole paths, and phpize knows its php-config by name only.
AC_PATH_PROG([LOCALAPI_PHP_CONFIG], [$PHP_PHP_CONFIG], [$PHP_PHP_CONFIG])

PHP_MODULES="$PHP_MODULES \$(phplibdir)/localapi.so"
cat >>Makefile.objects <<EOT
\$(phplibdir)/localapi.so: FORCE
	cd $abs_srcdir/.. && PHP=$PHP_EXECUTABLE PHP_CONFIG=$LOCALAPI_PHP_CONFIG \\
	    $CARGO build --release --locked --target-dir $abs_builddir/cargo
	mkdir -p \$(phplibdir)
	cp $abs_builddir/cargo/release/liblocalapi.so \$(phplibdir)/localapi.so
FORCE:
EOT
