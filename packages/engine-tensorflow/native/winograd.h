// Winograd's way to filter by 3 x 3 taps, F(4 x 4, 3 x 3), for the vectors that the processor has: 36 products where a plain
// sum has 144. Maps are cut into tiles of 4 x 4 results; of each, 36 rows of channels are made, one for each pair of
// points, and multiplied by those of the kernel as matrices, and the sum is taken back.
#ifndef KD_WINOGRAD_H_
#define KD_WINOGRAD_H_
#include <algorithm>
#include <cstdint>

namespace kd {

// Of one image: [height, width, channels].
struct Map {
  int64_t height, width, channels;
};

// The left matrix of a product: element (row, k) is values[row * ofRow + k * ofDepth].
struct Factor {
  const float *values;
  int64_t ofRow, ofDepth;
};

enum class Activation : int64_t { none = 0, relu = 1, relu6 = 6 };

// `plane`: floats from what belongs to a pair of points to that of the next. `columns`: channels out, up to a multiple of
// the width. Rows that are made are whole vectors, zero where there is no channel.
struct WinogradSteps {
  int64_t width;
  // So many channels, up to a multiple of the width.
  int64_t wholeVectors(int64_t channels) const { return (channels + width - 1) / width * width; }
  // The 6 x 6 values from (top, left), zero outside of the map: one row of 36 matrices.
  void (*transformInput)(const Map &map, const float *image, int64_t top, int64_t left, float *to, int64_t plane);
  // The 4 x 4 values from (top, left) of a gradient of results: row `row` of `rows`, in panels.
  void (*transformGradient)(const Map &map, const float *image, int64_t top, int64_t left, float *to, int64_t plane,
                            int64_t row, int64_t rows, int64_t columns);
  // One channel in of a kernel [3, 3, in, out]: a row, in panels.
  void (*transformKernel)(const float *kernel, int64_t in, int64_t out, int64_t row, float *to, int64_t plane,
                          int64_t columns);
  // `width` channels in from `column` of it turned by half a turn, from out to in: columns of all rows, in panels.
  void (*transformTurnedKernel)(const float *kernel, int64_t in, int64_t out, int64_t column, float *to, int64_t plane,
                                int64_t columns);
  bool (*isZero)(const float *values, int64_t count);
  // Which of the 4 x 4 results from (top, left) see zeros alone, a bit each.
  uint32_t (*emptyResults)(const Map &map, const float *image, int64_t top, int64_t left);
  // One row of 36 matrices becomes the results from (top, left), those that are in the map; `empty` ones are exactly the
  // bias, as in a plain sum, and no rounding error for ReLU to pass on or not.
  void (*transformOutput)(const float *from, int64_t plane, const Map &map, float *image, int64_t top, int64_t left,
                          uint32_t empty, const float *bias, Activation activation);
  // One channel in of 36 matrices [in, columns] becomes taps of the gradient [3, 3, in, out].
  void (*transformKernelGradient)(const float *from, int64_t plane, int64_t in, int64_t out, int64_t row,
                                  int64_t columns, float *gradient);
  // c [rows, columns] becomes, or gets besides, a [rows, depth] b [depth, columns in panels].
  void (*product)(int64_t rows, int64_t columns, int64_t depth, const Factor &a, const float *b, float *c, bool adds);
};

// Row `row` of `rows` of the right matrix of a product: `out` values and zeros up to `columns`, in panels of two vectors.
inline void toPanels(const float *from, int64_t out, int64_t columns, int64_t panel, int64_t row, int64_t rows, float *to) {
  for (int64_t at = 0; at < columns; at += panel) {
    const int64_t width = std::min(panel, columns - at), filled = std::min(width, out - at);
    float *one = to + at * rows + row * width;
    std::copy_n(from + at, filled, one);
    std::fill_n(one + filled, width - filled, 0.f);
  }
}

// Null where processor or compiler have no vectors for which this is quicker.
const WinogradSteps *winogradSteps();

}  // namespace kd
#endif
