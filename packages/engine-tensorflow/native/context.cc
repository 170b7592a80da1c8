#include "context.h"

#include <cstdint>
#include <cstring>

namespace kd {
namespace {

// Fields of TensorFlow's config.proto and rewriter_config.proto, written by hand: three numbers and two messages.
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string field(int number, uint64_t value) { return varint(number << 3) + varint(value); }
std::string field(int number, const std::string &message) {
  return varint(number << 3 | 2) + varint(message.size()) + message;
}

std::string configFrom(const ContextOptions &options) {
  constexpr int kIntraOpThreads = 2, kInterOpThreads = 5, kGraphOptions = 10;  // ConfigProto
  constexpr int kRewriteOptions = 10, kDisableMetaOptimizer = 19;              // GraphOptions, RewriterConfig
  std::string config;
  if (options.intraOpThreads > 0) config += field(kIntraOpThreads, static_cast<uint64_t>(options.intraOpThreads));
  if (options.interOpThreads > 0) config += field(kInterOpThreads, static_cast<uint64_t>(options.interOpThreads));
  if (!options.grappler) config += field(kGraphOptions, field(kRewriteOptions, field(kDisableMetaOptimizer, uint64_t{1})));
  return config;
}

}  // namespace

Context::Context(const ContextOptions &options) : functionConfig_(configFrom(options)), xla_(options.xla) {
  const Owned<TFE_ContextOptions, TFE_DeleteContextOptions> given(TFE_NewContextOptions());
  const Status status;
  TFE_ContextOptionsSetConfig(given.get(), functionConfig_.data(), functionConfig_.size(), status);
  status.check("the options of TensorFlow's context");
  context_.reset(TFE_NewContext(given.get(), status));
  status.check("TensorFlow's context");
  const Owned<TF_DeviceList, TF_DeleteDeviceList> devices(TFE_ContextListDevices(context_.get(), status));
  status.check("TensorFlow's devices");
  for (int i = 0; i < TF_DeviceListCount(devices.get()); ++i) {
    const bool gpu = std::strcmp(TF_DeviceListType(devices.get(), i, status), "GPU") == 0;
    status.check("TensorFlow's devices");
    if (!device_.empty() && (usesGpu_ || !gpu)) continue;
    device_ = TF_DeviceListName(devices.get(), i, status);
    status.check("TensorFlow's devices");
    usesGpu_ = gpu;
  }
}

}  // namespace kd
