#include "winograd.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>

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

namespace {

// As far as oneDNN, whose convolutions are the others, may go: of either name and in any case, as it reads that.
std::string mostOfProcessor() {
  for (const char *name : {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"}) {
    const char *given = std::getenv(name);
    std::string most = given == nullptr ? "" : given;
    std::transform(most.begin(), most.end(), most.begin(), [](unsigned char letter) { return std::toupper(letter); });
    if (!most.empty()) return most;
  }
  return "";
}

}  // namespace

const kd::WinogradSteps *kd::winogradSteps() {
  static const WinogradSteps *steps = []() -> const WinogradSteps * {
    const std::string most = mostOfProcessor();
    if (most == "SSE41" || most == "AVX") return nullptr;
    if (most.rfind("AVX2", 0) != 0 && __builtin_cpu_supports("avx512f")) return &avx512::kSteps;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2::kSteps : nullptr;
  }();
  return steps;
}

#else

const kd::WinogradSteps *kd::winogradSteps() { return nullptr; }

#endif
