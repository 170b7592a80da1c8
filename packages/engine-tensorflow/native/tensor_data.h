// Values of tensors, from and to JavaScript's arrays.
#ifndef KD_TENSOR_DATA_H_
#define KD_TENSOR_DATA_H_
#include <node_api.h>

#include "context.h"
#include "dtype.h"
#include "owned.h"

namespace kd {

// A typed array, or for strings an array of Uint8Arrays. int64 comes as BigInt64Array, or as Int32Array of twice the
// length, low part first. The values are copied.
Handle handleFrom(napi_env env, const Context &context, const Shape &shape, TF_DataType dtype, napi_value values);

// The other way; also copied. int64 becomes a BigInt64Array, complex64 a Float32Array of pairs.
napi_value valuesFrom(napi_env env, TF_Tensor *tensor);

// As a Uint8Array.
napi_value bytesFrom(napi_env env, const std::string &bytes);

}  // namespace kd
#endif
