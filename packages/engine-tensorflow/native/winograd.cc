#include "winograd.h"

#include "kernel.h"

#ifdef KD_CHOOSES_VECTORS

#pragma GCC push_options
#pragma GCC target("avx512f")
namespace kd::avx512 {
namespace {
constexpr int64_t kWidth = 16;
constexpr int kRows = 12;
#include "winograd_steps.h"
}  // namespace
}  // namespace kd::avx512
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace kd::avx2 {
namespace {
constexpr int64_t kWidth = 8;
constexpr int kRows = 6;
#include "winograd_steps.h"
}  // namespace
}  // namespace kd::avx2
#pragma GCC pop_options

const kd::WinogradSteps *kd::winogradSteps() {
  if (__builtin_cpu_supports("avx512f")) return &avx512::kSteps;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2::kSteps;
  return nullptr;
}

#else

const kd::WinogradSteps *kd::winogradSteps() { return nullptr; }

#endif
