// Values of a tensor as a promise: another thread waits for them and fetches them from the device.
#ifndef KD_ASYNC_READ_H_
#define KD_ASYNC_READ_H_
#include <node_api.h>

#include "owned.h"

namespace kd {

// A promise of the values. The tensor may be disposed of at once.
napi_value readLater(napi_env env, TFE_TensorHandle *handle);

}  // namespace kd
#endif
