#include "later.h"

#include <exception>

#include "execute.h"
#include "js.h"

namespace kd {

namespace {

void stopWithEnvironment(void *later) { static_cast<Later *>(later)->stop(); }

}  // namespace

Later::Later(napi_env env, const Context &context, Tensors &tensors)
    : context_(context), tensors_(tensors), env_(env) {
  const napi_value name = js::from(env, std::string("kd:callFunctionLater"));
  js::check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle, &tell_),
            "a way back from a thread");
  napi_unref_threadsafe_function(env, tell_);
  // Hooks run last first: the thread ends before what it tells by.
  napi_add_env_cleanup_hook(env, stopWithEnvironment, this);
  thread_ = std::thread(&Later::work, this);
}

napi_value Later::run(napi_env env, OpCall call) {
  auto job = std::make_unique<Job>();
  const Status status;
  for (const int64_t id : call.inputs) {
    job->inputs.emplace_back(TFE_TensorHandleCopySharingTensor(tensors_.at(id), status));
    status.check("an input of a function");
  }
  job->call = std::move(call);
  napi_value promise;
  js::check(env, napi_create_promise(env, &job->deferred, &promise), "a promise");
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ends_) {
    js::settle(env, job->deferred, []() -> napi_value { fail("the process ends: no function is run any more"); });
    return promise;
  }
  if (open_++ == 0) napi_ref_threadsafe_function(env, tell_);
  jobs_.push_back(std::move(job));
  changed_.notify_one();
  return promise;
}

void Later::work() {
  for (;;) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return ends_ || !jobs_.empty(); });
      if (ends_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      std::vector<TFE_TensorHandle *> inputs;
      for (const Handle &input : job->inputs) inputs.push_back(input.get());
      job->outputs = execute(context_, job->call, inputs);
    } catch (Failure &failure) {
      job->failure = std::move(failure);
    } catch (const std::exception &error) {
      job->failure.message = error.what();
    }
    job->inputs.clear();
    if (napi_call_threadsafe_function(tell_, job.get(), napi_tsfn_nonblocking) != napi_ok) return;
    job.release();  // settle() owns it now.
  }
}

// On the thread of JavaScript again; without an environment where that is about to end.
void Later::settle(napi_env env, napi_value, void *self, void *data) {
  const std::unique_ptr<Job> job(static_cast<Job *>(data));
  if (env == nullptr) return;
  auto &later = *static_cast<Later *>(self);
  if (--later.open_ == 0) napi_unref_threadsafe_function(env, later.tell_);
  js::settle(env, job->deferred, [&] {
    if (!job->failure.message.empty()) throw job->failure;
    return toJs(env, adopt(later.tensors_, std::move(job->outputs)));
  });
}

void Later::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
    jobs_.clear();
  }
  changed_.notify_one();
  thread_.join();
  napi_remove_env_cleanup_hook(env_, stopWithEnvironment, this);
  napi_release_threadsafe_function(tell_, napi_tsfn_abort);
}

}  // namespace kd
