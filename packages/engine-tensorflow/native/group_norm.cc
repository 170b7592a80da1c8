// GroupNorm and its gradient, each with the fewest passes over the map: as a composition it takes a dozen.
#include <cmath>
#include <cstring>
#include <vector>

#include "kernel.h"
#include "parallel.h"

namespace kd {
namespace {

struct Options {
  int64_t groups = 1;
  float epsilon = 0;
};

void *create(TF_OpKernelConstruction *construction) {
  Status status;
  auto *options = new Options;
  TF_OpKernelConstruction_GetAttrInt64(construction, "groups", &options->groups, status);
  if (status.ok()) TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &options->epsilon, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return options;
}

void destroy(void *options) { delete static_cast<Options *>(options); }

// Channels [from, from + count) of one image of a map [pixels, all].
struct Slab {
  int64_t pixels, all, from, count;
};

// Sums over so many pixels in float, then in double: a float loses digits over a whole map.
constexpr int64_t kPixelsInFloat = 64;

KD_VECTORS void addRows(const float *__restrict x, int64_t stride, int64_t rows, int64_t count, float *__restrict sum) {
  for (int64_t row = 0; row < rows; row++, x += stride)
    for (int64_t c = 0; c < count; c++) sum[c] += x[c];
}

KD_VECTORS void addSquares(const float *__restrict x, const float *__restrict mean, int64_t stride, int64_t rows,
                           int64_t count, float *__restrict sum) {
  for (int64_t row = 0; row < rows; row++, x += stride)
    for (int64_t c = 0; c < count; c++) {
      const float d = x[c] - mean[c];
      sum[c] += d * d;
    }
}

KD_VECTORS void addProducts(const float *__restrict dy, const float *__restrict x, const float *__restrict mean,
                            int64_t stride, int64_t rows, int64_t count, float *__restrict sum,
                            float *__restrict product) {
  for (int64_t row = 0; row < rows; row++, x += stride, dy += stride)
    for (int64_t c = 0; c < count; c++) {
      sum[c] += dy[c];
      product[c] += dy[c] * (x[c] - mean[c]);
    }
}

KD_VECTORS void scaleRows(const float *__restrict x, const float *__restrict a, const float *__restrict shift,
                          int64_t stride, int64_t rows, int64_t count, float *__restrict y) {
  for (int64_t row = 0; row < rows; row++, x += stride, y += stride)
    for (int64_t c = 0; c < count; c++) y[c] = x[c] * a[c] + shift[c];
}

KD_VECTORS void combineRows(const float *__restrict dy, const float *__restrict x, const float *__restrict a,
                            const float *__restrict k, const float *__restrict rest, int64_t stride, int64_t rows,
                            int64_t count, float *__restrict dx) {
  for (int64_t row = 0; row < rows; row++, x += stride, dy += stride, dx += stride)
    for (int64_t c = 0; c < count; c++) dx[c] = dy[c] * a[c] + x[c] * k[c] + rest[c];
}

// Calls add(first pixel, pixels) for stretches of the slab, and collects the `sums` that it adds to.
template <typename Add>
void collect(int64_t pixels, std::vector<float> &part, std::vector<double> &whole, const Add &add) {
  whole.assign(part.size(), 0);
  for (int64_t at = 0; at < pixels; at += kPixelsInFloat) {
    part.assign(part.size(), 0);
    add(at, std::min(kPixelsInFloat, pixels - at));
    for (size_t i = 0; i < part.size(); i++) whole[i] += part[i];
  }
}

// Each run of `size` values becomes their sum over `by`.
void pool(std::vector<double> &values, int64_t size, double by) {
  for (size_t from = 0; from < values.size(); from += size) {
    double sum = 0;
    for (int64_t i = 0; i < size; i++) sum += values[from + i];
    for (int64_t i = 0; i < size; i++) values[from + i] = sum / by;
  }
}

// Whole groups of at least so many channels are a piece of work.
constexpr int64_t kFewestChannels = 32;

struct Pieces {
  int64_t images, pixels, channels, size, width, perImage;
  int64_t count() const { return images * perImage; }
  int64_t elements() const { return images * pixels * channels; }
  Slab slab(int64_t i) const {
    const int64_t from = (i % perImage) * width;
    return {pixels, channels, from, std::min(width, channels - from)};
  }
  int64_t image(int64_t i) const { return i / perImage; }
};

Pieces piecesOf(const std::vector<int64_t> &x, int64_t groups) {
  const int64_t size = x[3] / groups;
  const int64_t width = size * std::max<int64_t>(1, (kFewestChannels + size - 1) / size);
  return {x[0], x[1] * x[2], x[3], size, width, (x[3] + width - 1) / width};
}

void compute(void *given, TF_OpKernelContext *context) {
  const Options &options = *static_cast<Options *>(given);
  KernelCall call(context);
  const std::vector<int64_t> dims = call.shape(0);
  if (!call.ok()) return;
  if (dims.size() != 4 || options.groups < 1 || dims[3] % options.groups != 0 || call.shape(1) != std::vector<int64_t>{dims[3]} || call.shape(2) != std::vector<int64_t>{dims[3]})
    return call.fail("KdGroupNorm needs x [b, h, w, c], gamma [c] and beta [c], and groups that divide c");
  const float *x = call.in(0), *gamma = call.in(1), *beta = call.in(2);
  float *y = call.out(0, dims);
  float *means = call.out(1, {dims[0], dims[3]}), *inverses = call.out(2, {dims[0], dims[3]});
  if (!call.ok()) return;
  const Pieces pieces = piecesOf(dims, options.groups);
  parallel(pieces.count(), pieces.elements(), [&](int64_t i) {
    const Slab s = pieces.slab(i);
    const int64_t image = pieces.image(i);
    const float *own = x + image * s.pixels * s.all + s.from;
    std::vector<float> part(s.count), mean(s.count), a(s.count), shift(s.count);
    std::vector<double> sums;
    const double members = static_cast<double>(s.pixels) * pieces.size;
    collect(s.pixels, part, sums, [&](int64_t at, int64_t rows) { addRows(own + at * s.all, s.all, rows, s.count, part.data()); });
    pool(sums, pieces.size, members);
    for (int64_t c = 0; c < s.count; c++) mean[c] = static_cast<float>(sums[c]);
    collect(s.pixels, part, sums, [&](int64_t at, int64_t rows) { addSquares(own + at * s.all, mean.data(), s.all, rows, s.count, part.data()); });
    pool(sums, pieces.size, members);
    for (int64_t c = 0; c < s.count; c++) {
      const float inverse = static_cast<float>(1 / std::sqrt(sums[c] + options.epsilon));
      means[image * s.all + s.from + c] = mean[c];
      inverses[image * s.all + s.from + c] = inverse;
      a[c] = inverse * gamma[s.from + c];
      shift[c] = beta[s.from + c] - mean[c] * a[c];
    }
    scaleRows(own, a.data(), shift.data(), s.all, s.pixels, s.count, y + image * s.pixels * s.all + s.from);
  });
}

void computeGradient(void *given, TF_OpKernelContext *context) {
  const Options &options = *static_cast<Options *>(given);
  KernelCall call(context);
  const std::vector<int64_t> dims = call.shape(1);
  if (!call.ok()) return;
  const std::vector<int64_t> channels = dims.size() == 4 ? std::vector<int64_t>{dims[3]} : std::vector<int64_t>{};
  if (dims.size() != 4 || call.shape(0) != dims || options.groups < 1 || dims[3] % options.groups != 0 || call.shape(2) != channels || call.shape(3) != std::vector<int64_t>{dims[0], dims[3]} || call.shape(4) != std::vector<int64_t>{dims[0], dims[3]})
    return call.fail("KdGroupNormGrad needs dy and x [b, h, w, c], gamma [c], mean and inverse [b, c]");
  const float *dy = call.in(0), *x = call.in(1), *gamma = call.in(2), *means = call.in(3), *inverses = call.in(4);
  float *dx = call.out(0, dims), *dgamma = call.out(1, channels), *dbeta = call.out(2, channels);
  if (!call.ok()) return;
  const Pieces pieces = piecesOf(dims, options.groups);
  std::vector<double> products(dims[0] * dims[3]), totals(dims[0] * dims[3]);
  parallel(pieces.count(), pieces.elements(), [&](int64_t i) {
    const Slab s = pieces.slab(i);
    const int64_t image = pieces.image(i), at0 = image * s.all + s.from, first = image * s.pixels * s.all + s.from;
    const float *mean = means + at0, *inverse = inverses + at0, *scale = gamma + s.from;
    // Sums of dy, then of dy (x - mean).
    std::vector<float> part(2 * s.count), a(s.count), k(s.count), rest(s.count);
    std::vector<double> sums;
    collect(s.pixels, part, sums, [&](int64_t at, int64_t rows) {
      addProducts(dy + first + at * s.all, x + first + at * s.all, mean, s.all, rows, s.count, part.data(), part.data() + s.count);
    });
    std::vector<double> ofDy(s.count), ofProducts(s.count);
    for (int64_t c = 0; c < s.count; c++) {
      totals[at0 + c] = sums[c];
      products[at0 + c] = sums[s.count + c] * inverse[c];
      ofDy[c] = totals[at0 + c] * scale[c];
      ofProducts[c] = products[at0 + c] * scale[c];
    }
    const double members = static_cast<double>(s.pixels) * pieces.size;
    pool(ofDy, pieces.size, members);
    pool(ofProducts, pieces.size, members);
    // inverse (dy gamma - mean(dy gamma) - (x - mean) inverse mean(dy gamma x̂)), gathered as dy a + x k + rest
    for (int64_t c = 0; c < s.count; c++) {
      const double slope = -static_cast<double>(inverse[c]) * inverse[c] * ofProducts[c];
      a[c] = inverse[c] * scale[c];
      k[c] = static_cast<float>(slope);
      rest[c] = static_cast<float>(-inverse[c] * ofDy[c] - mean[c] * slope);
    }
    combineRows(dy + first, x + first, a.data(), k.data(), rest.data(), s.all, s.pixels, s.count, dx + first);
  });
  for (int64_t c = 0; c < dims[3]; c++) {
    double product = 0, total = 0;
    for (int64_t image = 0; image < dims[0]; image++) {
      product += products[image * dims[3] + c];
      total += totals[image * dims[3] + c];
    }
    dgamma[c] = static_cast<float>(product);
    dbeta[c] = static_cast<float>(total);
  }
}

// y like x; mean and inverse [b, c].
void shapes(TF_ShapeInferenceContext *context, TF_Status *status) {
  shapesOfInputs<0>(context, status);
  for (const int output : {1, 2}) joinShapes(context, output, 0, {{0, 0, 1}, {0, 3, 4}}, status);
}

const bool known =
    registerKernel({"KdGroupNorm", {"x: float", "gamma: float", "beta: float"}, {"y: float", "mean: float", "inverse: float"},
                    {"groups: int", "epsilon: float"}, shapes},
                   create, compute, destroy) &&
    registerKernel({"KdGroupNormGrad", {"dy: float", "x: float", "gamma: float", "mean: float", "inverse: float"},
                    {"dx: float", "dgamma: float", "dbeta: float"}, {"groups: int", "epsilon: float"},
                    shapesOfInputs<1, 2, 2>},
                   create, computeGradient, destroy);

}  // namespace
}  // namespace kd
