/* Threads of one process that each answer requests with PHP, as those of a web server do.
 * Usage: threads INI FOLDER SCRIPT THREADS REQUESTS [MILLISECONDS]
 *
 * Twice in a row PHP is started with the INI entries of the file INI, THREADS threads run REQUESTS requests of SCRIPT
 * each, and PHP is ended. SCRIPT sees $thread and $request. Every third request is in the sandbox, and the others have a
 * store in FOLDER that half the threads share, as php_admin_value would have it. The status is 1 where a script ended with
 * exit(99). With MILLISECONDS the process ends after so long, in the middle of the requests. */
#include <sapi/embed/php_embed.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

ZEND_TSRMLS_CACHE_DEFINE()

static const char *folder, *script;
static int requests;
static atomic_int failed;

static void set(const char *name, const char *value)
{
	zend_string *entry = zend_string_init(name, strlen(name), 0);
	zend_alter_ini_entry_chars(entry, value, strlen(value), PHP_INI_SYSTEM, PHP_INI_STAGE_ACTIVATE);
	zend_string_release(entry);
}

static void answer(int thread, int request)
{
	char text[4096];
	int in_sandbox = request % 3 == 2;
	if (php_request_startup() == FAILURE) {
		atomic_fetch_add(&failed, 1);
		return;
	}
	SG(headers_sent) = 1;
	snprintf(text, sizeof text, in_sandbox ? "sqlite::memory:" : "sqlite:%s/store%d.sqlite", folder, thread & 1);
	set("localapi.dsn", text);
	set("localapi.sandbox", in_sandbox ? "1" : "0");
	snprintf(text, sizeof text, "$thread = %d; $request = %d; require '%s';", thread, request, script);
	zend_first_try {
		zend_eval_string(text, NULL, "threads");
	} zend_end_try();
	if (EG(exit_status) == 99) atomic_fetch_add(&failed, 1);
	php_request_shutdown(NULL);
}

static void *work(void *thread)
{
	ts_resource(0);
	ZEND_TSRMLS_CACHE_UPDATE();
	for (int request = 0; request < requests; request++) answer((int) (intptr_t) thread, request);
	ts_free_thread();
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_t threads[64];
	if (count < 6 || atoi(arguments[4]) > 64) {
		fprintf(stderr, "Usage: %s INI FOLDER SCRIPT THREADS REQUESTS [MILLISECONDS]\n", arguments[0]);
		return 2;
	}
	folder = arguments[2];
	script = arguments[3];
	requests = atoi(arguments[5]);
	php_embed_module.php_ini_path_override = arguments[1];
	for (int start = 0; start < 2; start++) {
		php_tsrm_startup();
		ZEND_TSRMLS_CACHE_UPDATE();
		zend_signal_startup();
		sapi_startup(&php_embed_module);
		if (php_embed_module.startup(&php_embed_module) == FAILURE) return 2;
		for (intptr_t i = 0; i < atoi(arguments[4]); i++) pthread_create(&threads[i], NULL, work, (void *) i);
		if (count > 6) {
			usleep(atoi(arguments[6]) * 1000);
			exit(0);
		}
		for (int i = 0; i < atoi(arguments[4]); i++) pthread_join(threads[i], NULL);
		php_module_shutdown();
		sapi_shutdown();
		tsrm_shutdown();
	}
	return atomic_load(&failed) ? 1 : 0;
}
