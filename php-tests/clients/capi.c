/* The life of a credential over the C interface. Usage: capi STORE, a path. */
#include "localapi.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static localapi *handle;

static void expect(char *answer, const char *begin)
{
	if (strncmp(answer, begin, strlen(begin)) != 0) {
		fprintf(stderr, "not %s: %s\n", begin, answer);
		exit(1);
	}
	localapi_free(answer);
}

static void create(void)
{
	const char *wish = "{\"grantType\": \"authorization_code\", \"name\": \"Shop\", \"scope\": [\"openid\"]}";
	expect(localapi_call(handle, "CreateOAuthCredential", wish, "admin"), "{\"result\":\"success\",\"credentialId\":");
}

int main(int count, char **arguments)
{
	char settings[4096], *error = NULL;
	int status;
	if (count < 2) return 2;
	if (localapi_open("{\"durability\": \"none\"}", &error) != NULL) return 1;
	expect(error, "The setting durability is invalid.");
	snprintf(settings, sizeof settings, "{\"dsn\": \"sqlite:%s\", \"company_name\": \"Shop\"}", arguments[1]);
	handle = localapi_open(settings, &error);
	if (handle == NULL) return 1;
	create();
	/* Both sides of a fork go on. */
	pid_t child = fork();
	create();
	if (child == 0) _exit(0);
	waitpid(child, &status, 0);
	if (status != 0) return 1;
	expect(localapi_verify(handle, "SHOP.x", "x"), "{\"value\":null}");
	expect(localapi_run(handle, "rotate_key", NULL), "{\"value\":3}");
	expect(localapi_call(handle, "ListOAuthCredentials", NULL, NULL), "{\"result\":\"success\",\"clients\":[{");
	expect(localapi_call(handle, "Nothing", NULL, NULL), "{\"result\":\"error\",\"message\":\"");
	localapi_close(handle);
	puts("well");
	return 0;
}
