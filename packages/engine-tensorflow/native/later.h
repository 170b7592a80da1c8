// Functions that run while JavaScript goes on.
#ifndef KD_LATER_H_
#define KD_LATER_H_
#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "context.h"
#include "op_call.h"
#include "tensors.h"

namespace kd {

// One thread, which runs one function after the other. Not one of the pool: oneDNN keeps what it made for each thread.
class Later {
 public:
  Later(napi_env env, const Context &context, Tensors &tensors);
  ~Later() { stop(); }
  Later(const Later &) = delete;

  // A promise of the outputs. The inputs may be disposed of at once.
  napi_value run(napi_env env, OpCall call);
  // Waits for what runs and drops what waits: afterwards nothing is told any more.
  void stop();

 private:
  struct Job {
    OpCall call;
    std::vector<Handle> inputs;
    std::vector<Handle> outputs;
    Failure failure;  // Without a message for none.
    napi_deferred deferred = nullptr;
  };
  void work();
  static void settle(napi_env env, napi_value, void *later, void *job);

  const Context &context_;
  Tensors &tensors_;
  napi_env env_;
  napi_threadsafe_function tell_ = nullptr;
  int open_ = 0;  // Promises that are not kept yet; they keep the process alive.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace kd
#endif
