#include "tensor_data.h"

#include <cstdlib>
#include <cstring>

#include "js.h"

namespace kd {
namespace {

struct TypedArray {
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
};

TypedArray typedArray(napi_env env, napi_value value) {
  TypedArray array;
  js::check(env, napi_get_typedarray_info(env, value, &array.type, &array.length, &array.data, nullptr, nullptr),
            "the values of a tensor must be a typed array");
  return array;
}

bool fits(TF_DataType dtype, napi_typedarray_type type) {
  switch (dtype) {
    case TF_FLOAT:
    case TF_COMPLEX64: return type == napi_float32_array;
    case TF_INT32: return type == napi_int32_array;
    case TF_INT64: return type == napi_int32_array || type == napi_bigint64_array;
    case TF_BOOL:
    case TF_UINT8: return type == napi_uint8_array;
    case TF_HALF:
    case TF_BFLOAT16: return type == napi_uint16_array;
    default: return false;
  }
}

size_t widthOf(napi_typedarray_type type) {
  switch (type) {
    case napi_uint8_array: return 1;
    case napi_uint16_array: return 2;
    case napi_bigint64_array: return 8;
    default: return 4;
  }
}

Tensor numbersFrom(napi_env env, const Shape &shape, TF_DataType dtype, napi_value values) {
  const TypedArray array = typedArray(env, values);
  if (!fits(dtype, array.type)) fail("a typed array of another type cannot fill a tensor of " + nameOf(dtype));
  const size_t bytes = elementsOf(shape) * TF_DataTypeSize(dtype);
  const size_t given = array.length * widthOf(array.type);
  if (bytes != given) {
    fail("a tensor of " + describe(dtype, shape) + " takes " + std::to_string(bytes) + " bytes of values, not " +
         std::to_string(given));
  }
  Tensor tensor(TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()), bytes));
  if (bytes > 0) std::memcpy(TF_TensorData(tensor.get()), array.data, bytes);
  return tensor;
}

void freeStrings(void *data, size_t bytes, void *) {
  auto *strings = static_cast<TF_TString *>(data);
  for (size_t i = 0; i < bytes / sizeof(TF_TString); ++i) TF_TString_Dealloc(&strings[i]);
  std::free(data);
}

Tensor stringsFrom(napi_env env, const Shape &shape, napi_value values) {
  const std::vector<napi_value> items = js::toItems(env, values, "the values of a tensor of strings");
  if (static_cast<int64_t>(items.size()) != elementsOf(shape)) {
    fail("a tensor of " + describe(TF_STRING, shape) + " cannot hold " + std::to_string(items.size()) + " strings");
  }
  std::vector<TypedArray> arrays;
  for (napi_value item : items) {
    arrays.push_back(typedArray(env, item));
    if (arrays.back().type != napi_uint8_array) fail("a string of a tensor must be a Uint8Array");
  }
  const size_t bytes = items.size() * sizeof(TF_TString);
  // calloc: an empty string is all zeros, and what is not filled can be freed.
  auto *strings = static_cast<TF_TString *>(std::calloc(items.size() + 1, sizeof(TF_TString)));
  for (size_t i = 0; i < items.size(); ++i) {
    TF_TString_Init(&strings[i]);
    TF_TString_Copy(&strings[i], static_cast<const char *>(arrays[i].data), arrays[i].length);
  }
  return Tensor(TF_NewTensor(TF_STRING, shape.data(), static_cast<int>(shape.size()), strings, bytes, freeStrings, nullptr));
}

napi_value bufferFrom(napi_env env, const void *data, size_t bytes) {
  void *copy = nullptr;
  napi_value buffer;
  js::check(env, napi_create_arraybuffer(env, bytes, &copy, &buffer), "memory for the values of a tensor");
  if (bytes > 0) std::memcpy(copy, data, bytes);
  return buffer;
}

napi_value arrayFrom(napi_env env, napi_typedarray_type type, const void *data, size_t bytes) {
  napi_value array;
  js::check(env, napi_create_typedarray(env, type, bytes / widthOf(type), bufferFrom(env, data, bytes), 0, &array),
            "the values of a tensor");
  return array;
}

}  // namespace

Handle handleFrom(napi_env env, const Context &context, const Shape &shape, TF_DataType dtype, napi_value values) {
  const Tensor tensor = dtype == TF_STRING ? stringsFrom(env, shape, values) : numbersFrom(env, shape, dtype, values);
  const Status status;
  Handle handle(TFE_NewTensorHandle(tensor.get(), status));
  status.check("a tensor of " + describe(dtype, shape));
  // Kernels of a GPU take int32, which are shapes and axes mostly, and strings from the host.
  if (!context.usesGpu() || dtype == TF_INT32 || dtype == TF_STRING) return handle;
  Handle moved(TFE_TensorHandleCopyToDevice(handle.get(), context.get(), context.device().c_str(), status));
  status.check("a tensor of " + describe(dtype, shape) + " on its way to " + context.device());
  return moved;
}

napi_value bytesFrom(napi_env env, const std::string &bytes) {
  return arrayFrom(env, napi_uint8_array, bytes.data(), bytes.size());
}

napi_value valuesFrom(napi_env env, TF_Tensor *tensor) {
  const TF_DataType dtype = TF_TensorType(tensor);
  const void *data = TF_TensorData(tensor);
  const size_t bytes = TF_TensorByteSize(tensor);
  switch (dtype) {
    case TF_FLOAT:
    case TF_COMPLEX64: return arrayFrom(env, napi_float32_array, data, bytes);
    case TF_INT32: return arrayFrom(env, napi_int32_array, data, bytes);
    case TF_INT64: return arrayFrom(env, napi_bigint64_array, data, bytes);
    case TF_BOOL:
    case TF_UINT8: return arrayFrom(env, napi_uint8_array, data, bytes);
    case TF_HALF:
    case TF_BFLOAT16: return arrayFrom(env, napi_uint16_array, data, bytes);
    case TF_STRING: {
      const auto *strings = static_cast<const TF_TString *>(data);
      std::vector<napi_value> items;
      for (int64_t i = 0; i < TF_TensorElementCount(tensor); ++i) {
        items.push_back(arrayFrom(env, napi_uint8_array, TF_TString_GetDataPointer(&strings[i]),
                                  TF_TString_GetSize(&strings[i])));
      }
      return js::array(env, items);
    }
    default: fail("a tensor of " + nameOf(dtype) + " has no values that JavaScript could read");
  }
}

}  // namespace kd
