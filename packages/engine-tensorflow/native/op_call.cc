#include "op_call.h"

#include "js.h"

namespace kd {

napi_value toJs(napi_env env, const std::vector<TensorMetadata> &tensors) {
  std::vector<napi_value> items;
  for (const auto &[id, dtype, shape] : tensors) {
    napi_value item = js::object(env);
    js::set(env, item, "id", js::from(env, id));
    js::set(env, item, "shape", js::from(env, shape));
    js::set(env, item, "dtype", js::from(env, static_cast<int64_t>(dtype)));
    items.push_back(item);
  }
  return js::array(env, items);
}

void failCall(const OpCall &call, const std::string &message, const std::vector<std::string> &inputs, std::string code) {
  std::string text = call.op + ": " + message + "\n  inputs: ";
  for (size_t i = 0; i < inputs.size(); ++i) text += (i == 0 ? "" : ", ") + inputs[i];
  if (inputs.empty()) text += "none";
  if (!call.attributes.empty()) text += "\n  attributes: " + describe(call.attributes);
  fail(std::move(text), std::move(code));
}

}  // namespace kd
