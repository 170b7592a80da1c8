#include "dtype.h"

namespace kd {

std::string nameOf(TF_DataType dtype) {
  switch (dtype) {
    case TF_FLOAT: return "float32";
    case TF_INT32: return "int32";
    case TF_INT64: return "int64";
    case TF_BOOL: return "bool";
    case TF_STRING: return "string";
    case TF_COMPLEX64: return "complex64";
    case TF_UINT8: return "uint8";
    case TF_HALF: return "float16";
    case TF_BFLOAT16: return "bfloat16";
    case TF_RESOURCE: return "resource";
    default: return "type " + std::to_string(static_cast<int>(dtype));
  }
}

std::string describe(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i == 0 ? "" : ",") + (shape[i] < 0 ? std::string("?") : std::to_string(shape[i]));
  return text + "]";
}

std::string describe(TF_DataType dtype, const Shape &shape) { return nameOf(dtype) + " " + describe(shape); }

int64_t elementsOf(const Shape &shape) {
  int64_t count = 1;
  for (const int64_t dimension : shape) count *= dimension;
  return count;
}

}  // namespace kd
