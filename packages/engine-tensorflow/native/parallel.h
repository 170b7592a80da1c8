// Independent pieces of work on the threads that TensorFlow's own kernels may use.
#ifndef KD_PARALLEL_H_
#define KD_PARALLEL_H_
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

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

// Threads that help those who have work, as many as one call may use besides its own.
class Helpers {
 public:
  // Never freed: its threads run until the process ends.
  static Helpers &all() {
    static Helpers *helpers = new Helpers;
    return *helpers;
  }

  // Runs `work` here and on up to `most` helpers who are free meanwhile; returns when all have.
  void run(int64_t most, const std::function<void()> &work) {
    std::unique_lock lock(mutex_);
    start(most);
    const auto own = jobs_.emplace(jobs_.end(), &work, most, 0);
    lock.unlock();
    for (int64_t i = 0; i < most; i++) wanted_.notify_one();
    work();
    lock.lock();
    own->wanted = 0;
    own->left.wait(lock, [&] { return own->helping == 0; });
    jobs_.erase(own);
  }

 private:
  struct Job {
    Job(const std::function<void()> *work, int64_t wanted, int64_t helping) : work(work), wanted(wanted), helping(helping) {}
    const std::function<void()> *work;
    int64_t wanted, helping;
    std::condition_variable left;
  };

  // As many as the system has: without memory for another, or at a limit of threads, those who are there do all.
  void start(int64_t most) {
    try {
      for (; started_ < most; started_++) std::thread([this] { help(); }).detach();
    } catch (const std::system_error &) {
    }
  }

  void help() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto job = std::find_if(jobs_.begin(), jobs_.end(), [](const Job &one) { return one.wanted > 0; });
      if (job == jobs_.end()) {
        wanted_.wait(lock);
        continue;
      }
      job->wanted--;
      job->helping++;
      lock.unlock();
      (*job->work)();
      lock.lock();
      if (--job->helping == 0) job->left.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::list<Job> jobs_;
  int64_t started_ = 0;
};

// Below so many elements a thread costs more than it saves.
constexpr int64_t kElementsOfThread = 1 << 16;

// As many elements as take the time of so many sums of products, in vectors.
inline int64_t elementsOfProducts(int64_t sums) { return sums / 256; }

// Calls task(i) for every i in [0, count), in any order and at the same time. `elements`: what all of them work on.
template <typename Task>
void parallel(int64_t count, int64_t elements, const Task &task) {
  const int64_t threads = std::min({threadsOfKernels(), count, elements / kElementsOfThread + 1});
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next++; i < count; i = next++) task(i);
  };
  if (threads > 1)
    Helpers::all().run(threads - 1, work);
  else
    work();
}

}  // namespace kd
#endif
