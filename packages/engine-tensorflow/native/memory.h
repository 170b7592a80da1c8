// How much memory is in use.
#ifndef KD_MEMORY_H_
#define KD_MEMORY_H_
#include <cstdint>

#include "tensors.h"

namespace kd {

struct MemoryStats {
  int64_t tensors;       // That JavaScript holds.
  int64_t bytes;         // Of their values; those that share memory count each.
  int64_t allocated;     // All that malloc has given out in this process; -1 where the C library does not say.
  int64_t peakResident;  // The most that the process ever had in memory.
};

MemoryStats memoryStats(const Tensors &tensors);

// Gives what malloc keeps and nobody uses back to the system, where the C library can.
void trimMemory();

}  // namespace kd
#endif
