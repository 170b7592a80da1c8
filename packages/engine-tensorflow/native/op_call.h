// One call of an op as it came from JavaScript, and what it gives back.
#ifndef KD_OP_CALL_H_
#define KD_OP_CALL_H_
#include <node_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "attributes.h"

namespace kd {

struct TensorMetadata {
  int64_t id;
  TF_DataType dtype;
  Shape shape;
};

struct OpCall {
  std::string op;
  Attributes attributes;
  std::vector<int64_t> inputs;
  int outputs;
};

// `{ id, shape, dtype }` of each.
napi_value toJs(napi_env env, const std::vector<TensorMetadata> &tensors);

// Throws what TensorFlow said with the op, its inputs ("float32 [2,3]") and its attributes.
[[noreturn]] void failCall(const OpCall &call, const std::string &message, const std::vector<std::string> &inputs,
                           std::string code = "");

}  // namespace kd
#endif
