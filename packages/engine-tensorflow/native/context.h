// The one eager context of a process, its device and how it runs functions.
#ifndef KD_CONTEXT_H_
#define KD_CONTEXT_H_
#include <string>

#include "owned.h"

namespace kd {

struct ContextOptions {
  int intraOpThreads = 0;  // 0: what TensorFlow chooses, or TF_NUM_INTRAOP_THREADS.
  int interOpThreads = 0;
  bool grappler = true;  // Whether functions are optimised as graphs before they run.
  bool xla = false;      // Whether XLA compiles them, whole.
  bool ownConvolutions = true;

  bool operator==(const ContextOptions &other) const {
    return intraOpThreads == other.intraOpThreads && interOpThreads == other.interOpThreads &&
           grappler == other.grappler && xla == other.xla && ownConvolutions == other.ownConvolutions;
  }
};

class Context {
 public:
  explicit Context(const ContextOptions &options);

  TFE_Context *get() const { return context_.get(); }
  bool usesGpu() const { return usesGpu_; }
  const std::string &device() const { return device_; }
  // A serialized ConfigProto, for the attribute `config_proto` of a call: without it functions are not optimised.
  const std::string &functionConfig() const { return functionConfig_; }
  bool compilesWithXla() const { return xla_; }

 private:
  Owned<TFE_Context, TFE_DeleteContext> context_;
  std::string device_;
  bool usesGpu_ = false;
  std::string functionConfig_;
  bool xla_;
};

}  // namespace kd
#endif
