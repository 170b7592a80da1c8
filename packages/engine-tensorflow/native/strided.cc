// The gradient of a kernel with strides, as products: of a row of taps, what it saw of the input stands in a row there.
#include <algorithm>
#include <cstring>

#include "kernel.h"
#include "parallel.h"
#include "winograd.h"

namespace kd {
namespace {

// Floats of inputs and gradients that are laid out at once.
constexpr int64_t kFloatsAtOnce = 1 << 22;

struct Geometry {
  int64_t down = 1, across = 1, top = 0, left = 0;
};

void *create(TF_OpKernelConstruction *construction) {
  Status status;
  auto *geometry = new Geometry;
  const std::pair<const char *, int64_t *> attributes[] = {{"down", &geometry->down},
                                                           {"across", &geometry->across},
                                                           {"top", &geometry->top},
                                                           {"left", &geometry->left}};
  for (const auto &[name, value] : attributes)
    if (status.ok()) TF_OpKernelConstruction_GetAttrInt64(construction, name, value, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return geometry;
}
void destroy(void *geometry) { delete static_cast<Geometry *>(geometry); }

void compute(void *given, TF_OpKernelContext *context) {
  const Geometry &geometry = *static_cast<Geometry *>(given);
  const WinogradSteps &steps = *winogradSteps();
  KernelCall call(context);
  const Shape dims = call.shape(0), ofDy = call.shape(1), ofTaps = call.shape(2);
  if (!call.ok()) return;
  if (dims.size() != 4 || ofDy.size() != 4 || ofTaps.size() != 3 || dims[0] != ofDy[0] || geometry.down < 1 || geometry.across < 1 || geometry.top < 0 || geometry.left < 0)
    return call.fail("KdStridedKernelGradient needs x [b, h, w, c], dy [b, h', w', d] and taps [kh, kw, 0]");
  const int64_t images = dims[0], height = dims[1], width = dims[2], in = dims[3];
  const int64_t down = ofDy[1], across = ofDy[2], out = ofDy[3];
  const int64_t columns = steps.wholeVectors(out);
  // What all taps see: the border besides, and less where the last rows and columns are passed over.
  const int64_t seenDown = (down - 1) * geometry.down + ofTaps[0], seenAcross = (across - 1) * geometry.across + ofTaps[1];
  const int64_t row = ofTaps[1] * in, ofImage = seenDown * seenAcross * in, ofGradient = down * across * columns;
  const float *x = call.in(0), *dy = call.in(1);
  float *gradient = call.out(0, {ofTaps[0], ofTaps[1], in, out});
  if (!call.ok()) return;
  if (elementsOf(ofDy) == 0) {
    std::fill_n(gradient, ofTaps[0] * row * out, 0.f);
    return;
  }
  const int64_t atOnce = std::clamp<int64_t>(kFloatsAtOnce / std::max<int64_t>(1, ofImage + ofGradient), 1, images);
  float *seen = call.temporary(atOnce * ofImage), *panels = call.temporary(atOnce * ofGradient);
  float *sums = call.temporary(ofTaps[0] * row * columns);
  if (!call.ok()) return;
  std::fill_n(sums, ofTaps[0] * row * columns, 0.f);
  for (int64_t first = 0; first < images; first += atOnce) {
    const int64_t count = std::min(atOnce, images - first);
    parallel(count * seenDown, count * ofImage / 4, [&](int64_t i) {
      const int64_t y = i % seenDown - geometry.top, n = std::min(width, seenAcross - geometry.left);
      float *to = seen + i * seenAcross * in;
      std::fill_n(to, seenAcross * in, 0.f);
      if (y < 0 || y >= height || n <= 0) return;
      std::memcpy(to + geometry.left * in, x + (((first + i / seenDown) * height + y) * width) * in, n * in * sizeof(float));
    });
    parallel(count * down, count * ofGradient / 4, [&](int64_t i) {
      for (int64_t z = 0; z < across; z++)
        toPanels(dy + ((first * down + i) * across + z) * out, out, columns, 2 * steps.width, z, across,
                 panels + i * across * columns);
    });
    parallel(ofTaps[0], elementsOfProducts(ofTaps[0] * row * count * ofGradient), [&](int64_t tap) {
      for (int64_t i = 0; i < count * down; i++) {
        const float *from = seen + (i / down * seenDown + i % down * geometry.down + tap) * seenAcross * in;
        steps.product(row, columns, across, {from, 1, geometry.across * in}, panels + i * across * columns,
                      sums + tap * row * columns, true);
      }
    });
  }
  for (int64_t i = 0; i < ofTaps[0] * row; i++)
    std::memcpy(gradient + i * out, sums + i * columns, out * sizeof(float));
}

void shape(TF_ShapeInferenceContext *context, TF_Status *status) {
  joinShapes(context, 0, 0, {{2, 0, 2}, {0, 3, 4}, {1, 3, 4}}, status);
}

const bool known =
    winogradSteps() != nullptr &&
    registerKernel({"KdStridedKernelGradient", {"x: float", "dy: float", "taps: float"}, {"dkernel: float"},
                    {"down: int", "across: int", "top: int", "left: int"}, shape},
                   create, compute, destroy);

}  // namespace
}  // namespace kd
