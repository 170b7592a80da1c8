// JavaScript's values in and out, each with an error that names what was expected.
#ifndef KD_JS_H_
#define KD_JS_H_
#include <node_api.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dtype.h"

namespace kd::js {

void check(napi_env env, napi_status status, const char *what);

bool isArray(napi_env env, napi_value value);
bool isNull(napi_env env, napi_value value);
std::string toString(napi_env env, napi_value value, const char *what);
int64_t toInteger(napi_env env, napi_value value, const char *what);
double toNumber(napi_env env, napi_value value, const char *what);
bool toBool(napi_env env, napi_value value, const char *what);
napi_value property(napi_env env, napi_value object, const char *name);
std::vector<napi_value> toItems(napi_env env, napi_value array, const char *what);
std::vector<int64_t> toIntegers(napi_env env, napi_value array, const char *what);

napi_value from(napi_env env, bool value);
napi_value from(napi_env env, int64_t value);
napi_value from(napi_env env, const std::string &value);
napi_value from(napi_env env, const std::vector<int64_t> &values);
napi_value array(napi_env env, const std::vector<napi_value> &items);
napi_value object(napi_env env);
void set(napi_env env, napi_value object, const char *name, napi_value value);

// Keeps a promise with what `make` gives, or breaks it with what that throws.
void settle(napi_env env, napi_deferred promise, const std::function<napi_value()> &make);

}  // namespace kd::js
#endif
