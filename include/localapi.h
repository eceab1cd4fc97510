/* localAPI() without WHMCS, for C and what can call C. Written by cbindgen from src/capi/mod.rs. */

#ifndef LOCALAPI_H
#define LOCALAPI_H

// Where commands are answered: to be used through its address only.
typedef struct localapi localapi;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Takes settings, a JSON object whose keys are those of the INI entries without `localapi.`: `dsn`, `key_file`,
// `company_name`, `busy_timeout`, `durability`. `server` true takes away the default place of the store. Opens nothing
// yet. Returns `NULL` where one is invalid, and then what is wrong in `*error`, unless that is `NULL`.
//
// Any number of threads may use what is returned, and each has a connection of its own; a store in memory is the
// thread's own, too. After a fork the child may go on to use it, unless other threads were using SQLite: then calls
// say so.
//
// # Safety
//
// `settings_json` must be `NULL` or a C string, and `error` `NULL` or a place for a pointer.
localapi *localapi_open(const char *settings_json,
                        char **error);

// Answers a command with a JSON object, `result` first, as `localAPI()` does; times are seconds since 1970. Of
// `post_data_json`, a JSON object or `NULL`, numbers and booleans are read as PHP makes them texts, and
// `{"base64": "…"}` stands for bytes that aren't UTF-8. `admin` may be `NULL`. `localapi_free` frees the answer.
//
// # Safety
//
// `handle` must be from `localapi_open` and not closed, and the others must be `NULL` or C strings.
char *localapi_call(const localapi *handle,
                    const char *command,
                    const char *post_data_json,
                    const char *admin);

// Whether the secret belongs to the identifier: a JSON object whose `value` is what a token endpoint needs to know, or
// `null` where it doesn't; without `value`, its `message` says why that can't be told. `localapi_free` frees it.
//
// # Safety
//
// `handle` must be from `localapi_open` and not closed, and the others must be `NULL` or C strings.
char *localapi_verify(const localapi *handle,
                      const char *identifier,
                      const char *secret);

// Runs what the namespace `LocalApi` has beside calls: `register_service`, `register_scope`, `register_admin`,
// `batch`, `rotate_key`, `copy_store`, `find_credential`, `redirect_uri_matches`, `issue_api_credential`,
// `revoke_api_credential`, with a JSON list of its arguments. Returns a JSON object with its `value`, or with a
// `message`, and with the number of the `argument` where that is wrong. `localapi_free` frees it.
//
// # Safety
//
// `handle` must be from `localapi_open` and not closed, and the others must be `NULL` or C strings.
char *localapi_run(const localapi *handle,
                   const char *function,
                   const char *arguments_json);

// Frees an answer or an error, and wipes it first. `NULL` is nothing.
//
// # Safety
//
// `text` must be `NULL` or from a function of this library, and nobody may use it any more.
void localapi_free(char *text);

// Lets go of a handle. The connection of this thread is closed, and each other thread's when it ends or calls again.
// `NULL` is nothing.
//
// # Safety
//
// `handle` must be `NULL` or from `localapi_open`, and nobody may use it any more.
void localapi_close(localapi *handle);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LOCALAPI_H */
