// Convolutions of 3 x 3 with stride 1 and a border of one zero, and their gradients, in Winograd's way.
#include <atomic>
#include <vector>

#include "kernel.h"
#include "parallel.h"
#include "winograd.h"

namespace kd {
namespace {

constexpr int64_t kPoints = 36, kTile = 4, kBorder = 1, kTaps = 9;

// Values that the way to the points makes in the time of one element of a plain loop.
constexpr int64_t kVector = 8;

// Tiles that a thread has at once: their rows stay in its cache, and their products still are of many rows.
constexpr int64_t kTilesOfThread = 48;

// Floats of the tiles that a gradient of a kernel sums over at once.
constexpr int64_t kFloatsOfSum = 1 << 22;

int64_t pieces(int64_t all, int64_t most) { return (all + most - 1) / most; }

// Apart from a multiple of what lies in one place of the cache.
int64_t planeOf(int64_t floats) { return floats + 3 * 16; }

// A batch of maps, cut into tiles.
struct Tiles {
  Tiles(const Shape &dims) : map{dims[1], dims[2], dims[3]}, images(dims[0]) {}

  int64_t down() const { return pieces(map.height, kTile); }
  int64_t across() const { return pieces(map.width, kTile); }
  int64_t count() const { return images * down() * across(); }
  int64_t image(int64_t tile) const { return tile / (down() * across()) * map.height * map.width * map.channels; }
  int64_t top(int64_t tile) const { return tile / across() % down() * kTile; }
  int64_t left(int64_t tile) const { return tile % across() * kTile; }

  Map map;
  int64_t images;
};

// y = activation(x * kernel + bias), where the kernel is at the points already: 36 matrices in panels.
void convolve(KernelCall &call, const WinogradSteps &steps, const float *x, int64_t in, const float *kernel,
              const float *bias, Activation activation, const Shape &dims, float *y) {
  const Tiles tiles(dims);
  const int64_t out = tiles.map.channels;
  const Map from{tiles.map.height, tiles.map.width, in};
  const int64_t depth = steps.wholeVectors(in), columns = steps.wholeVectors(out);
  const int64_t threads = threadsOfKernels();
  // As many for each thread, whatever their number.
  const int64_t parts = pieces(pieces(tiles.count(), kTilesOfThread), threads) * threads;
  const int64_t size = pieces(tiles.count(), parts);
  const int64_t planeIn = planeOf(size * depth), planeOut = planeOf(size * columns), own = kPoints * (planeIn + planeOut);
  float *room = call.temporary(threads * own);
  if (!call.ok()) return;
  std::atomic<int64_t> next{0};
  parallel(threads, elementsOfProducts(tiles.count() * kPoints * in * out), [&](int64_t thread) {
    float *input = room + thread * own, *output = input + kPoints * planeIn;
    uint32_t empty[kTilesOfThread];
    for (int64_t first = next++ * size; first < tiles.count(); first = next++ * size) {
      const int64_t count = std::min(size, tiles.count() - first);
      for (int64_t i = 0; i < count; i++) {
        const float *image = x + tiles.image(first + i) / out * in;
        const int64_t top = tiles.top(first + i), left = tiles.left(first + i);
        empty[i] = steps.emptyResults(from, image, top, left);
        steps.transformInput(from, image, top - kBorder, left - kBorder, input + i * depth, planeIn);
      }
      for (int64_t point = 0; point < kPoints; point++)
        steps.product(count, columns, in, {input + point * planeIn, depth, 1}, kernel + point * planeOf(in * columns),
                      output + point * planeOut, false);
      for (int64_t i = 0; i < count; i++)
        steps.transformOutput(output + i * columns, planeOut, tiles.map, y + tiles.image(first + i), tiles.top(first + i),
                              tiles.left(first + i), empty[i], bias, activation);
    }
  });
}

// Whether a kernel is [3, 3, c, d].
bool isKernel(const Shape &dims) { return dims.size() == 4 && dims[0] == 3 && dims[1] == 3; }

void *create(TF_OpKernelConstruction *construction) {
  Status status;
  auto *activation = new int64_t{0};
  TF_OpKernelConstruction_GetAttrInt64(construction, "relu", activation, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return activation;
}
void destroy(void *activation) { delete static_cast<int64_t *>(activation); }

void *createNothing(TF_OpKernelConstruction *) { return nullptr; }
void destroyNothing(void *) {}

void compute(void *given, TF_OpKernelContext *context) {
  const auto activation = static_cast<Activation>(*static_cast<int64_t *>(given));
  const WinogradSteps &steps = *winogradSteps();
  KernelCall call(context);
  const Shape dims = call.shape(0), ofKernel = call.shape(1), ofBias = call.shape(2);
  if (!call.ok()) return;
  const bool fits = dims.size() == 4 && isKernel(ofKernel) && ofKernel[2] == dims[3];
  if (!fits || (ofBias != Shape{ofKernel[3]} && ofBias != Shape{0}))
    return call.fail("KdConvolution needs x [b, h, w, c], a kernel [3, 3, c, d] and a bias [d], or [0] for none");
  const int64_t in = ofKernel[2], out = ofKernel[3], columns = steps.wholeVectors(out);
  const Shape result{dims[0], dims[1], dims[2], out};
  const float *x = call.in(0), *kernel = call.in(1), *bias = call.in(2);
  float *y = call.out(0, result);
  if (!call.ok() || elementsOf(result) == 0) return;
  const int64_t plane = planeOf(in * columns);
  float *points = call.temporary(kPoints * plane);
  if (!call.ok()) return;
  parallel(in, in * columns * kPoints / kVector,
           [&](int64_t row) { steps.transformKernel(kernel, in, out, row, points, plane, columns); });
  convolve(call, steps, x, in, points, ofBias[0] == 0 ? nullptr : bias, activation, result, y);
}

// That of the input is the gradient of the results, filtered by the kernel turned by half a turn.
void computeInputGradient(void *, TF_OpKernelContext *context) {
  const WinogradSteps &steps = *winogradSteps();
  KernelCall call(context);
  const Shape ofKernel = call.shape(0), dims = call.shape(1);
  if (!call.ok()) return;
  if (dims.size() != 4 || !isKernel(ofKernel) || ofKernel[3] != dims[3])
    return call.fail("KdConvolutionInputGradient needs a kernel [3, 3, c, d] and dy [b, h, w, d]");
  const int64_t in = ofKernel[2], out = ofKernel[3], columns = steps.wholeVectors(in);
  const Shape result{dims[0], dims[1], dims[2], in};
  const float *kernel = call.in(0), *dy = call.in(1);
  float *dx = call.out(0, result);
  if (!call.ok() || elementsOf(result) == 0) return;
  const int64_t plane = planeOf(out * columns);
  float *points = call.temporary(kPoints * plane);
  if (!call.ok()) return;
  parallel(columns / steps.width, kPoints * out * columns / kVector, [&](int64_t i) {
    steps.transformTurnedKernel(kernel, in, out, i * steps.width, points, plane, columns);
  });
  convolve(call, steps, dy, out, points, nullptr, Activation::none, result, dx);
}

// Places of gradients of results that are not zero, unless those are so many that Winograd's way has fewer products.
bool fewPlaces(const WinogradSteps &steps, const float *dy, int64_t places, int64_t out, std::vector<int64_t> &few) {
  for (int64_t at = 0; at < places; at++) {
    if (steps.isZero(dy + at * out, out)) continue;
    if (static_cast<int64_t>(few.size()) >= places / (kTaps * kTile * kTile / kPoints)) return false;
    few.push_back(at);
  }
  return true;
}

// Plain sums over the places that have a gradient, as few as those of a box's regression. Zero is exactly zero in them,
// where Winograd's way leaves a rounding error, which the first steps of Adam make as large as any other gradient.
void sumOverPlaces(KernelCall &call, const WinogradSteps &steps, const Map &map, const float *x, const float *dy, int64_t out,
                   const std::vector<int64_t> &places, float *gradient) {
  const int64_t in = map.channels, columns = steps.wholeVectors(out);
  const int64_t most = std::max<int64_t>(1, kFloatsOfSum / (kTaps * in + columns));
  const int64_t all = places.size(), size = std::min(all, most);
  float *seen = call.temporary(kTaps * size * in), *panels = call.temporary(size * columns);
  float *sums = call.temporary(kTaps * in * columns);
  if (!call.ok()) return;
  std::fill_n(sums, kTaps * in * columns, 0.f);
  for (int64_t first = 0; first < all; first += size) {
    const int64_t count = std::min(size, all - first);
    for (int64_t i = 0; i < count; i++)
      toPanels(dy + places[first + i] * out, out, columns, 2 * steps.width, i, count, panels);
    parallel(kTaps, elementsOfProducts(kTaps * count * in * columns), [&](int64_t tap) {
      float *from = seen + tap * count * in;
      for (int64_t i = 0; i < count; i++) {
        const int64_t place = places[first + i];
        const int64_t row = place / map.width % map.height + tap / 3 - kBorder, column = place % map.width + tap % 3 - kBorder;
        if (row < 0 || row >= map.height || column < 0 || column >= map.width)
          std::fill_n(from + i * in, in, 0.f);
        else
          std::copy_n(x + (place + (tap / 3 - kBorder) * map.width + tap % 3 - kBorder) * in, in, from + i * in);
      }
      steps.product(in, columns, count, {from, 1, in}, panels, sums + tap * in * columns, true);
    });
  }
  for (int64_t i = 0; i < kTaps * in; i++) std::copy_n(sums + i * columns, out, gradient + i * out);
}

// At each pair of points a sum over tiles of what stands there, of the input and of the gradient of the results.
void computeKernelGradient(void *, TF_OpKernelContext *context) {
  const WinogradSteps &steps = *winogradSteps();
  KernelCall call(context);
  const Shape dims = call.shape(0), ofDy = call.shape(1);
  if (!call.ok()) return;
  if (dims.size() != 4 || ofDy.size() != 4 || Shape(dims.begin(), dims.end() - 1) != Shape(ofDy.begin(), ofDy.end() - 1))
    return call.fail("KdConvolutionKernelGradient needs x [b, h, w, c] and dy [b, h, w, d]");
  const Tiles tiles(ofDy);
  const int64_t in = dims[3], out = ofDy[3];
  const Map from{dims[1], dims[2], in};
  const int64_t rows = steps.wholeVectors(in), columns = steps.wholeVectors(out);
  const float *x = call.in(0), *dy = call.in(1);
  float *gradient = call.out(0, {3, 3, in, out});
  if (!call.ok() || in * out == 0) return;
  std::vector<int64_t> few;
  if (fewPlaces(steps, dy, dims[0] * dims[1] * dims[2], out, few))
    return sumOverPlaces(call, steps, from, x, dy, out, few, gradient);
  const int64_t most = std::max(kTilesOfThread, kFloatsOfSum / (kPoints * (rows + columns)));
  const int64_t size = pieces(tiles.count(), pieces(tiles.count(), most));
  const int64_t planeIn = planeOf(size * rows), planeOut = planeOf(size * columns), plane = planeOf(in * columns);
  float *input = call.temporary(kPoints * planeIn), *output = call.temporary(kPoints * planeOut);
  float *sums = call.temporary(kPoints * plane);
  if (!call.ok()) return;
  for (int64_t first = 0; first < tiles.count(); first += size) {
    const int64_t count = std::min(size, tiles.count() - first);
    parallel(count, count * kPoints * (rows + columns) / kVector, [&](int64_t i) {
      const int64_t tile = first + i, top = tiles.top(tile), left = tiles.left(tile);
      steps.transformInput(from, x + tiles.image(tile) / out * in, top - kBorder, left - kBorder, input + i * rows, planeIn);
      steps.transformGradient(tiles.map, dy + tiles.image(tile), top, left, output, planeOut, i, count, columns);
    });
    parallel(kPoints, elementsOfProducts(kPoints * count * in * columns), [&](int64_t point) {
      steps.product(in, columns, count, {input + point * planeIn, 1, rows}, output + point * planeOut,
                    sums + point * plane, first > 0);
    });
  }
  parallel(in, in * columns * kPoints / kVector,
           [&](int64_t row) { steps.transformKernelGradient(sums, plane, in, out, row, columns, gradient); });
}

void shape(TF_ShapeInferenceContext *context, TF_Status *status) {
  joinShapes(context, 0, 0, {{0, 0, 3}, {1, 3, 4}}, status);
}
void inputShape(TF_ShapeInferenceContext *context, TF_Status *status) {
  joinShapes(context, 0, 0, {{1, 0, 3}, {0, 2, 3}}, status);
}
void kernelShape(TF_ShapeInferenceContext *context, TF_Status *status) {
  joinShapes(context, 0, 2, {{0, 3, 4}, {1, 3, 4}}, status);
}

const bool known =
    winogradSteps() != nullptr &&
    registerKernel({"KdConvolution", {"x: float", "kernel: float", "bias: float"}, {"y: float"}, {"relu: int"}, shape},
                   create, compute, destroy) &&
    registerKernel({"KdConvolutionInputGradient", {"kernel: float", "dy: float"}, {"dx: float"}, {}, inputShape},
                   createNothing, computeInputGradient, destroyNothing) &&
    registerKernel({"KdConvolutionKernelGradient", {"x: float", "dy: float"}, {"dkernel: float"}, {}, kernelShape},
                   createNothing, computeKernelGradient, destroyNothing);

}  // namespace
}  // namespace kd
