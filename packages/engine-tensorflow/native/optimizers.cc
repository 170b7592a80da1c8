// Updates of one variable in a single pass: SGD with momentum, and Adam. As compositions they take six and a dozen. They
// write over what they update where nobody else holds it.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "kernel.h"
#include "parallel.h"

namespace kd {
namespace {

using Numbers = std::vector<float>;

Numbers *floats(TF_OpKernelConstruction *construction, std::initializer_list<const char *> names) {
  Status status;
  auto *numbers = new Numbers;
  for (const char *name : names) {
    numbers->push_back(0);
    if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(construction, name, &numbers->back(), status);
  }
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return numbers;
}

void destroy(void *numbers) { delete static_cast<Numbers *>(numbers); }

// What a piece of work takes of a variable.
constexpr int64_t kPiece = 1 << 15;

template <typename Task>
void inPieces(int64_t size, const Task &task) {
  parallel((size + kPiece - 1) / kPiece, size,
           [&](int64_t i) { task(i * kPiece, std::min(kPiece, size - i * kPiece)); });
}

// What is updated starts as it was.
inline void begin(float *to, const float *from, int64_t n) {
  if (to != from) std::memcpy(to, from, n * sizeof(float));
}

// Inputs [0, alike) have one shape, the others are scalars. Says so where they do not fit.
Shape checkedShape(KernelCall &call, int alike, int all, const char *what) {
  const Shape dims = call.shape(0);
  for (int i = 1; i < all && call.ok(); i++)
    if (call.shape(i) != (i < alike ? dims : Shape{})) call.fail(what);
  return dims;
}

struct Sgd {
  float momentum, decay, rate, share;
  bool nesterov;
};

KD_VECTORS void sgdPiece(const Sgd s, int64_t n, const float *__restrict gradient, float *__restrict value,
                         float *__restrict buffer) {
  for (int64_t i = 0; i < n; i++) {
    const float decayed = gradient[i] + value[i] * s.decay;
    const float kept = buffer[i] * s.momentum + decayed * s.share;
    buffer[i] = kept;
    value[i] = value[i] - (s.nesterov ? decayed + kept * s.momentum : kept) * s.rate;
  }
}

void *createSgd(TF_OpKernelConstruction *construction) { return floats(construction, {"momentum", "decay", "nesterov"}); }

void computeSgd(void *given, TF_OpKernelContext *context) {
  const Numbers &numbers = *static_cast<Numbers *>(given);
  KernelCall call(context);
  const Shape dims = checkedShape(
      call, 3, 5, "KdSgd needs a value, its gradient and its momentum of one shape, and two scalars");
  if (!call.ok()) return;
  float *value = call.over(0, 0, dims), *buffer = call.over(1, 2, dims);
  const float *oldValue = call.in(0), *gradient = call.in(1), *oldBuffer = call.in(2), *rate = call.in(3), *share = call.in(4);
  if (!call.ok()) return;
  const Sgd sgd{numbers[0], numbers[1], *rate, *share, numbers[2] != 0};
  inPieces(elementsOf(dims), [&](int64_t at, int64_t n) {
    begin(value + at, oldValue + at, n);
    begin(buffer + at, oldBuffer + at, n);
    sgdPiece(sgd, n, gradient + at, value + at, buffer + at);
  });
}

struct Adam {
  float beta1, rest1, beta2, rest2, eps, decay, left, unbiased, step;
};

KD_VECTORS void adamPiece(const Adam a, int64_t n, const float *__restrict gradient, float *__restrict value,
                          float *__restrict m, float *__restrict v) {
  for (int64_t i = 0; i < n; i++) {
    const float g = gradient[i] + value[i] * a.decay;
    const float mean = m[i] * a.beta1 + g * a.rest1;
    const float square = v[i] * a.beta2 + g * g * a.rest2;
    m[i] = mean;
    v[i] = square;
    value[i] = value[i] * a.left - mean / (std::sqrt(square) * a.unbiased + a.eps) * a.step;
  }
}

void *createAdam(TF_OpKernelConstruction *construction) {
  return floats(construction, {"beta1", "rest1", "beta2", "rest2", "eps", "decay"});
}

void computeAdam(void *given, TF_OpKernelContext *context) {
  const Numbers &numbers = *static_cast<Numbers *>(given);
  KernelCall call(context);
  const Shape dims = checkedShape(
      call, 4, 7, "KdAdam needs a value, its gradient and both moments of one shape, and three scalars");
  if (!call.ok()) return;
  float *value = call.over(0, 0, dims), *m = call.over(1, 2, dims), *v = call.over(2, 3, dims);
  const float *oldValue = call.in(0), *gradient = call.in(1), *oldM = call.in(2), *oldV = call.in(3);
  const float *left = call.in(4), *unbiased = call.in(5), *step = call.in(6);
  if (!call.ok()) return;
  const Adam adam{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], *left, *unbiased, *step};
  inPieces(elementsOf(dims), [&](int64_t at, int64_t n) {
    begin(value + at, oldValue + at, n);
    begin(m + at, oldM + at, n);
    begin(v + at, oldV + at, n);
    adamPiece(adam, n, gradient + at, value + at, m + at, v + at);
  });
}

const bool known =
    registerKernel({"KdSgd",
                    {"value: float", "gradient: float", "buffer: float", "rate: float", "share: float"},
                    {"new_value: float", "new_buffer: float"},
                    {"momentum: float", "decay: float", "nesterov: float"},
                    shapesOfInputs<0, 0>},
                   createSgd, computeSgd, destroy) &&
    registerKernel({"KdAdam",
                    {"value: float", "gradient: float", "m: float", "v: float", "left: float", "unbiased: float",
                     "step: float"},
                    {"new_value: float", "new_m: float", "new_v: float"},
                    {"beta1: float", "rest1: float", "beta2: float", "rest2: float", "eps: float", "decay: float"},
                    shapesOfInputs<0, 0, 0>},
                   createAdam, computeAdam, destroy);

}  // namespace
}  // namespace kd
