// Lets the C library keep the big buffers that tensors free, instead of returning them to the kernel.
//
// By default glibc maps every block above a threshold (at most 32 MB) anew, and the kernel hands over each page of it zeroed
// at its first touch. For tensors of tens of megabytes that costs several times the arithmetic: adding two tensors of 82 MB
// takes 62 ms with fresh pages and 10 ms with kept ones. The price: what the process needed at its peak stays with it until
// it ends. Threads that start later share the arenas that are there, since what one arena keeps no thread of another can
// use. KD_KEEP_BUFFERS=0 leaves malloc as it is.
#include <cstdlib>
#include <cstring>
#ifdef __GLIBC__
#include <malloc.h>

namespace {

const bool kKeepBuffers = [] {
  const char *wish = std::getenv("KD_KEEP_BUFFERS");
  if (wish != nullptr && std::strcmp(wish, "0") == 0) return false;
  return mallopt(M_MMAP_MAX, 0) == 1 && mallopt(M_TRIM_THRESHOLD, -1) == 1 && mallopt(M_TOP_PAD, 64 << 20) == 1 &&
         mallopt(M_ARENA_MAX, 1) == 1;
}();

}  // namespace
#endif
