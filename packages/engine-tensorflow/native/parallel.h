// Independent pieces of work on the threads that TensorFlow's own kernels may use.
#ifndef KD_PARALLEL_H_
#define KD_PARALLEL_H_
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

namespace kd {

// What the engine's option says; 0 for TF_NUM_INTRAOP_THREADS, or the cores of the machine.
inline std::atomic<int64_t> askedThreads{0};

inline int64_t threadsOfKernels() {
  static const int64_t otherwise = [] {
    const char *given = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int64_t number = given == nullptr ? 0 : std::atoll(given);
    return std::max<int64_t>(1, number > 0 ? number : std::thread::hardware_concurrency());
  }();
  const int64_t asked = askedThreads;
  return asked > 0 ? asked : otherwise;
}

// Below so many elements a thread costs more than it saves.
constexpr int64_t kElementsOfThread = 1 << 16;

// Calls task(i) for every i in [0, count), in any order and at the same time. `elements`: what all of them work on.
template <typename Task>
void parallel(int64_t count, int64_t elements, const Task &task) {
  const int64_t threads = std::min({threadsOfKernels(), count, elements / kElementsOfThread + 1});
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next++; i < count; i = next++) task(i);
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < threads; i++) others.emplace_back(work);
  work();
  for (std::thread &other : others) other.join();
}

}  // namespace kd
#endif
