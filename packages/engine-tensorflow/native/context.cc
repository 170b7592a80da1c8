#include "context.h"

#include <cstdint>
#include <cstring>

namespace kd {
namespace {

// Fields of TensorFlow's config.proto and rewriter_config.proto, written by hand: numbers and two messages.
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string field(int number, uint64_t value) { return varint(number << 3) + varint(value); }
std::string field(int number, const std::string &message) {
  return varint(number << 3 | 2) + varint(message.size()) + message;
}

// What is left of grappler: a pass over a graph of thousands of ops takes longer than hundreds of steps gain by it. A
// trace has no control flow and no functions of several implementations (loop, selector, tfg), what a second round finds
// is a twentieth of the ops; layouts and swapping of memory are a GPU's.
std::string rewritesFrom(const ContextOptions &options, bool usesGpu) {
  constexpr int kLayout = 1, kMemory = 4, kLoop = 9, kIterations = 12, kDisableMetaOptimizer = 19, kSelector = 22,
                kDisableTfg = 32;
  constexpr uint64_t kNoMemory = 1, kOnce = 1, kOff = 2, kTrue = 1;
  if (!options.grappler) return field(kDisableMetaOptimizer, kTrue);
  if (usesGpu) return "";
  return field(kLayout, kOff) + field(kMemory, kNoMemory) + field(kLoop, kOff) + field(kIterations, kOnce) +
         field(kSelector, kOff) + field(kDisableTfg, kTrue);
}

std::string configFrom(const ContextOptions &options, bool usesGpu) {
  constexpr int kIntraOpThreads = 2, kInterOpThreads = 5, kGpuOptions = 6, kSoftPlacement = 7,
                kGraphOptions = 10;  // ConfigProto
  constexpr int kAllowGrowth = 4;      // GPUOptions
  constexpr int kRewriteOptions = 10;  // GraphOptions
  // A card is shared: of its memory no more than is needed, unless TF_FORCE_GPU_ALLOW_GROWTH=false says so.
  std::string config = field(kGpuOptions, field(kAllowGrowth, uint64_t{1}));
  // What a card has no kernel for runs on the processor.
  config += field(kSoftPlacement, uint64_t{1});
  if (options.intraOpThreads > 0) config += field(kIntraOpThreads, static_cast<uint64_t>(options.intraOpThreads));
  if (options.interOpThreads > 0) config += field(kInterOpThreads, static_cast<uint64_t>(options.interOpThreads));
  return config + field(kGraphOptions, field(kRewriteOptions, rewritesFrom(options, usesGpu)));
}

}  // namespace

Context::Context(const ContextOptions &options) : xla_(options.xla) {
  const Owned<TFE_ContextOptions, TFE_DeleteContextOptions> given(TFE_NewContextOptions());
  const Status status;
  const std::string config = configFrom(options, false);
  TFE_ContextOptionsSetConfig(given.get(), config.data(), config.size(), status);
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
  functionConfig_ = configFrom(options, usesGpu_);
}

}  // namespace kd
