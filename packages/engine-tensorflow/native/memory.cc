#include "memory.h"

#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace kd {
namespace {

int64_t allocatedNow() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
#else
  return -1;
#endif
}

int64_t peakResidentBytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return usage.ru_maxrss;
#else
  return int64_t{1024} * usage.ru_maxrss;
#endif
}

}  // namespace

MemoryStats memoryStats(const Tensors &tensors) {
  MemoryStats stats{static_cast<int64_t>(tensors.size()), 0, allocatedNow(), peakResidentBytes()};
  for (const auto &[id, handle] : tensors)
    if (handle != nullptr) stats.bytes += elementsOf(shapeOf(handle.get())) * static_cast<int64_t>(TF_DataTypeSize(TFE_TensorHandleDataType(handle.get())));
  return stats;
}

void trimMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace kd
