// A stack of its own for handlers of signals that ask for one, as V8's profiler does.
//
// The matrix product of oneDNN for AVX-512 seems to keep values below the stack pointer, farther than the 128 bytes that
// a handler on the same stack spares: `node --cpu-prof` ended with a damaged heap, and does not with such a stack.
#ifndef KD_SIGNAL_STACK_H_
#define KD_SIGNAL_STACK_H_
#include <csignal>
#include <memory>

namespace kd {

// For this thread, as long as it runs, unless it has one.
inline void giveSignalsAStack() {
  struct Stack {
    std::unique_ptr<char[]> memory;
    ~Stack() {
      stack_t none{};
      none.ss_flags = SS_DISABLE;
      if (memory) sigaltstack(&none, nullptr);
    }
  };
  static thread_local Stack own;
  constexpr size_t kBytes = 128 << 10;
  stack_t stack{};
  if (sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0) return;
  own.memory = std::make_unique<char[]>(kBytes);
  stack = {};
  stack.ss_sp = own.memory.get();
  stack.ss_size = kBytes;
  sigaltstack(&stack, nullptr);
}

}  // namespace kd
#endif
