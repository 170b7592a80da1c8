#include "js.h"

#include "failure.h"

namespace kd::js {

void check(napi_env env, napi_status status, const char *what) {
  if (status == napi_ok) return;
  // Before anything else, which would replace it.
  const napi_extended_error_info *info = nullptr;
  napi_get_last_error_info(env, &info);
  const char *reason = info != nullptr && info->error_message != nullptr ? info->error_message : "Node-API refused it";
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending || status == napi_pending_exception) throw JavaScriptThrew{};
  fail(std::string(what) + ": " + reason);
}

bool isArray(napi_env env, napi_value value) {
  bool answer = false;
  check(env, napi_is_array(env, value, &answer), "an array");
  return answer;
}

bool isNull(napi_env env, napi_value value) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type), "a value");
  return type == napi_null || type == napi_undefined;
}

std::string toString(napi_env env, napi_value value, const char *what) {
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length), what);
  std::string text(length, '\0');
  // The terminating zero is written too, into the one that every std::string has behind its last character.
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length), what);
  return text;
}

int64_t toInteger(napi_env env, napi_value value, const char *what) {
  int64_t number = 0;
  check(env, napi_get_value_int64(env, value, &number), what);
  return number;
}

double toNumber(napi_env env, napi_value value, const char *what) {
  double number = 0;
  check(env, napi_get_value_double(env, value, &number), what);
  return number;
}

bool toBool(napi_env env, napi_value value, const char *what) {
  bool answer = false;
  check(env, napi_get_value_bool(env, value, &answer), what);
  return answer;
}

napi_value property(napi_env env, napi_value object, const char *name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value), name);
  return value;
}

std::vector<napi_value> toItems(napi_env env, napi_value array, const char *what) {
  uint32_t length = 0;
  check(env, napi_get_array_length(env, array, &length), what);
  std::vector<napi_value> items(length);
  for (uint32_t i = 0; i < length; ++i) check(env, napi_get_element(env, array, i, &items[i]), what);
  return items;
}

std::vector<int64_t> toIntegers(napi_env env, napi_value array, const char *what) {
  std::vector<int64_t> numbers;
  for (napi_value item : toItems(env, array, what)) numbers.push_back(toInteger(env, item, what));
  return numbers;
}

napi_value from(napi_env env, bool value) {
  napi_value result;
  check(env, napi_get_boolean(env, value, &result), "a result");
  return result;
}

napi_value from(napi_env env, int64_t value) {
  napi_value result;
  check(env, napi_create_int64(env, value, &result), "a result");
  return result;
}

napi_value from(napi_env env, const std::string &value) {
  napi_value result;
  check(env, napi_create_string_utf8(env, value.data(), value.size(), &result), "a result");
  return result;
}

napi_value from(napi_env env, const std::vector<int64_t> &values) {
  std::vector<napi_value> items;
  for (const int64_t value : values) items.push_back(from(env, value));
  return array(env, items);
}

napi_value array(napi_env env, const std::vector<napi_value> &items) {
  napi_value result;
  check(env, napi_create_array_with_length(env, items.size(), &result), "a result");
  for (uint32_t i = 0; i < items.size(); ++i) check(env, napi_set_element(env, result, i, items[i]), "a result");
  return result;
}

napi_value object(napi_env env) {
  napi_value result;
  check(env, napi_create_object(env, &result), "a result");
  return result;
}

void set(napi_env env, napi_value object, const char *name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value), name);
}

void settle(napi_env env, napi_deferred promise, const std::function<napi_value()> &make) {
  napi_value error;
  try {
    napi_resolve_deferred(env, promise, make());
    return;
  } catch (const Failure &failure) {
    napi_value message;
    napi_create_string_utf8(env, failure.message.data(), failure.message.size(), &message);
    napi_create_error(env, nullptr, message, &error);
  } catch (const JavaScriptThrew &) {
    napi_get_and_clear_last_exception(env, &error);
  }
  napi_reject_deferred(env, promise, error);
}

}  // namespace kd::js
