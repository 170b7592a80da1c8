#include "async_read.h"

#include <memory>

#include "js.h"
#include "tensor_data.h"
#include "tensors.h"

namespace kd {
namespace {

struct Read {
  Handle handle;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
  Tensor tensor;
  std::string refused;
};

// On a thread of the pool.
void fetch(napi_env, void *data) {
  auto *read = static_cast<Read *>(data);
  try {
    read->tensor = resolve(read->handle.get());
  } catch (const Failure &failure) {
    read->refused = failure.message;
  }
}

// On the thread of JavaScript again.
void settle(napi_env env, napi_status status, void *data) {
  const std::unique_ptr<Read> read(static_cast<Read *>(data));
  napi_delete_async_work(env, read->work);
  js::settle(env, read->deferred, [&] {
    if (status != napi_ok) fail("the process ends before the values of a tensor are there");
    if (!read->refused.empty()) fail(read->refused);
    return valuesFrom(env, read->tensor.get());
  });
}

}  // namespace

napi_value readLater(napi_env env, TFE_TensorHandle *handle) {
  auto read = std::make_unique<Read>();
  const Status status;
  read->handle.reset(TFE_TensorHandleCopySharingTensor(handle, status));
  status.check("the values of a tensor");
  napi_value promise;
  js::check(env, napi_create_promise(env, &read->deferred, &promise), "a promise");
  const napi_value name = js::from(env, std::string("kd:tensorData"));
  js::check(env, napi_create_async_work(env, nullptr, name, fetch, settle, read.get(), &read->work), "a read");
  js::check(env, napi_queue_async_work(env, read->work), "a read");
  read.release();  // settle() owns it now.
  return promise;
}

}  // namespace kd
