// The steps of winograd.h for vectors of kWidth floats, in products of kRows rows. Included once for each kind of vectors,
// within a namespace that has both numbers.
//
// Filtering of 4 x 4 results by 3 x 3 taps takes the 6 x 6 values around them, and with the points 0, ±√½, ±√2 and infinity
// 36 products instead of 144. These points lose less of float32 than 0, ±1, ±2 do: the error is twice that of the plain sum
// (src/own-convolutions.test.ts).

typedef float Floats __attribute__((vector_size(4 * kWidth), aligned(4), may_alias));

constexpr float kA = 0.70710678f, kB = 1.41421356f, kA3 = 0.35355339f, kB3 = 2.82842712f;
constexpr int64_t kPanel = 2 * kWidth;

// The first n of a vector.
inline Floats load(const float *from, int64_t n) {
  Floats v{};
  if (n >= kWidth) return *reinterpret_cast<const Floats *>(from);
  __builtin_memcpy(&v, from, n * sizeof(float));
  return v;
}
inline Floats whole(const float *from) { return *reinterpret_cast<const Floats *>(from); }
inline void store(float *to, int64_t n, Floats v) {
  if (n >= kWidth)
    *reinterpret_cast<Floats *>(to) = v;
  else
    __builtin_memcpy(to, &v, n * sizeof(float));
}

// Six values, `by` apart, at the six points.
inline void pointsOfInput(const Floats *x, int by, Floats *y, int to) {
  const Floats even1 = x[4 * by] - 2 * x[2 * by], odd1 = kA * (x[3 * by] - 2 * x[by]);
  const Floats even2 = x[4 * by] - 0.5f * x[2 * by], odd2 = kB * (x[3 * by] - 0.5f * x[by]);
  y[0] = x[0] - 2.5f * x[2 * by] + x[4 * by];
  y[to] = even1 + odd1;
  y[2 * to] = even1 - odd1;
  y[3 * to] = even2 + odd2;
  y[4 * to] = even2 - odd2;
  y[5 * to] = x[by] - 2.5f * x[3 * by] + x[5 * by];
}

// Three taps at the points, or the four values of a gradient, which are the taps where that of the kernel is wanted.
template <int taps>
inline void pointsOfTaps(const Floats *x, int by, Floats *y, int to) {
  Floats odd1 = kA * x[by], odd2 = kB * x[by];
  if constexpr (taps == 4) {
    odd1 += kA3 * x[3 * by];
    odd2 += kB3 * x[3 * by];
  }
  const Floats even1 = (x[0] + 0.5f * x[2 * by]) * (-2 / 3.f), even2 = (x[0] + 2 * x[2 * by]) * (1 / 6.f);
  odd1 *= -2 / 3.f;
  odd2 *= 1 / 6.f;
  y[0] = x[0];
  y[to] = even1 + odd1;
  y[2 * to] = even1 - odd1;
  y[3 * to] = even2 + odd2;
  y[4 * to] = even2 - odd2;
  y[5 * to] = x[(taps - 1) * by];
}

// What products at the points sum up to: four results, or three taps.
template <int results>
inline void fromPoints(const Floats *x, int by, Floats *y, int to) {
  const Floats sum1 = x[by] + x[2 * by], difference1 = x[by] - x[2 * by];
  const Floats sum2 = x[3 * by] + x[4 * by], difference2 = x[3 * by] - x[4 * by];
  y[0] = x[0] + sum1 + sum2;
  y[to] = kA * difference1 + kB * difference2;
  y[2 * to] = 0.5f * sum1 + 2 * sum2;
  if constexpr (results == 4)
    y[3 * to] = kA3 * difference1 + kB3 * difference2 + x[5 * by];
  else
    y[2 * to] += x[5 * by];
}

// Where column c lies of matrices whose columns come in panels of two vectors, the last of one where that is enough: row r
// of it at `at + r * width`.
struct Panel {
  int64_t at, width;
};
inline Panel panelOf(int64_t c, int64_t rows, int64_t columns) {
  const int64_t from = c / kPanel * kPanel, width = columns - from < kPanel ? columns - from : kPanel;
  return {from * rows + c - from, width};
}

template <bool inside>
inline void inputTile(const Map &map, const float *image, int64_t top, int64_t left, float *to, int64_t plane) {
  for (int64_t c = 0; c < map.channels; c += kWidth) {
    Floats x[36], half[36], y[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
#pragma GCC unroll 6
      for (int j = 0; j < 6; j++) {
        const int64_t row = top + i, column = left + j;
        const bool there = inside || (row >= 0 && row < map.height && column >= 0 && column < map.width);
        x[6 * i + j] = there ? load(image + (row * map.width + column) * map.channels + c, map.channels - c) : Floats{};
      }
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) pointsOfInput(x + j, 6, half + j, 6);
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
      pointsOfInput(half + 6 * i, 1, y, 1);
#pragma GCC unroll 6
      for (int j = 0; j < 6; j++) store(to + (6 * i + j) * plane + c, kWidth, y[j]);
    }
  }
}

void transformInput(const Map &map, const float *image, int64_t top, int64_t left, float *to, int64_t plane) {
  if (top >= 0 && left >= 0 && top + 6 <= map.height && left + 6 <= map.width)
    inputTile<true>(map, image, top, left, to, plane);
  else
    inputTile<false>(map, image, top, left, to, plane);
}

void transformGradient(const Map &map, const float *image, int64_t top, int64_t left, float *to, int64_t plane,
                       int64_t row, int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < map.channels; c += kWidth) {
    Floats x[16], half[24], y[6];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++)
        x[4 * i + j] = top + i < map.height && left + j < map.width
                           ? load(image + ((top + i) * map.width + left + j) * map.channels + c, map.channels - c)
                           : Floats{};
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) pointsOfTaps<4>(x + j, 4, half + j, 4);
    const Panel panel = panelOf(c, rows, columns);
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
      pointsOfTaps<4>(half + 4 * i, 1, y, 1);
#pragma GCC unroll 6
      for (int j = 0; j < 6; j++) store(to + (6 * i + j) * plane + panel.at + row * panel.width, kWidth, y[j]);
    }
  }
}

inline void tapsToPoints(const Floats *taps, float *to, int64_t plane) {
  Floats half[18], y[6];
#pragma GCC unroll 3
  for (int j = 0; j < 3; j++) pointsOfTaps<3>(taps + j, 3, half + j, 3);
#pragma GCC unroll 6
  for (int i = 0; i < 6; i++) {
    pointsOfTaps<3>(half + 3 * i, 1, y, 1);
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) store(to + (6 * i + j) * plane, kWidth, y[j]);
  }
}

void transformKernel(const float *kernel, int64_t in, int64_t out, int64_t row, float *to, int64_t plane, int64_t columns) {
  for (int64_t d = 0; d < out; d += kWidth) {
    Floats taps[9];
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++) taps[i] = load(kernel + (i * in + row) * out + d, out - d);
    const Panel panel = panelOf(d, in, columns);
    tapsToPoints(taps, to + panel.at + row * panel.width, plane);
  }
}

void transformTurnedKernel(const float *kernel, int64_t in, int64_t out, int64_t column, float *to, int64_t plane,
                           int64_t columns) {
  const int64_t width = in - column < kWidth ? in - column : kWidth;
  const Panel panel = panelOf(column, out, columns);
  for (int64_t from = 0; from < out; from += kWidth) {
    const int64_t rows = out - from < kWidth ? out - from : kWidth;
    Floats taps[kWidth][9];
    __builtin_memset(taps, 0, sizeof taps);
    for (int i = 0; i < 9; i++)
      for (int64_t c = 0; c < width; c++)
        for (int64_t d = 0; d < rows; d++)
          reinterpret_cast<float *>(&taps[d][8 - i])[c] = kernel[(i * in + column + c) * out + from + d];
    for (int64_t d = 0; d < rows; d++) tapsToPoints(taps[d], to + panel.at + (from + d) * panel.width, plane);
  }
}

bool isZero(const float *values, int64_t count) {
  for (int64_t c = 0; c < count; c += kWidth) {
    const auto differs = load(values + c, count - c) != 0;
    int64_t words[sizeof differs / sizeof(int64_t)], any = 0;
    __builtin_memcpy(words, &differs, sizeof differs);
    for (const int64_t word : words) any |= word;
    if (any != 0) return false;
  }
  return true;
}

uint32_t emptyResults(const Map &map, const float *image, int64_t top, int64_t left) {
  // Bit 8 i + j: whether (i, j) of the 6 x 6 has anything.
  uint64_t filled = 0;
  for (int64_t i = 0; i < 6; i++)
    for (int64_t j = 0; j < 6; j++) {
      const int64_t y = top - 1 + i, x = left - 1 + j;
      if (y < 0 || y >= map.height || x < 0 || x >= map.width) continue;
      filled |= static_cast<uint64_t>(!isZero(image + (y * map.width + x) * map.channels, map.channels)) << (8 * i + j);
    }
  constexpr uint64_t kSeen = 0x070707;
  uint32_t empty = 0;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) empty |= static_cast<uint32_t>((filled >> (8 * i + j) & kSeen) == 0) << (4 * i + j);
  return empty;
}

void transformOutput(const float *from, int64_t plane, const Map &map, float *image, int64_t top, int64_t left,
                     uint32_t empty, const float *bias, Activation activation) {
  const int64_t height = map.height - top < 4 ? map.height - top : 4, width = map.width - left < 4 ? map.width - left : 4;
  for (int64_t c = 0; c < map.channels; c += kWidth) {
    const int64_t n = map.channels - c;
    Floats x[36], half[24], y[4];
#pragma GCC unroll 36
    for (int i = 0; i < 36; i++) x[i] = whole(from + i * plane + c);
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) fromPoints<4>(x + j, 6, half + j, 6);
    const Floats more = bias != nullptr ? load(bias + c, n) : Floats{};
    for (int64_t i = 0; i < height; i++) {
      fromPoints<4>(half + 6 * i, 1, y, 1);
      for (int64_t j = 0; j < width; j++) {
        Floats value = (empty >> (4 * i + j) & 1) != 0 ? more : y[j] + more;
        // What is no number stays so.
        if (activation != Activation::none) value = value < 0 ? Floats{} : value;
        if (activation == Activation::relu6) value = value > 6 ? Floats{} + 6 : value;
        store(image + ((top + i) * map.width + left + j) * map.channels + c, n, value);
      }
    }
  }
}

void transformKernelGradient(const float *from, int64_t plane, int64_t in, int64_t out, int64_t row, int64_t columns,
                             float *gradient) {
  for (int64_t d = 0; d < out; d += kWidth) {
    Floats x[36], half[18], y[3];
#pragma GCC unroll 36
    for (int i = 0; i < 36; i++) x[i] = whole(from + i * plane + row * columns + d);
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) fromPoints<3>(x + j, 6, half + j, 6);
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
      fromPoints<3>(half + 6 * i, 1, y, 1);
#pragma GCC unroll 3
      for (int j = 0; j < 3; j++) store(gradient + ((3 * i + j) * in + row) * out + d, out - d, y[j]);
    }
  }
}

// R rows of a product and N vectors of columns, all of which registers hold.
template <int R, int N>
void block(const Factor &a, const float *b, float *c, int64_t columns, int64_t depth, bool adds) {
  Floats sums[R][N], factors[N];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int n = 0; n < N; n++) sums[r][n] = Floats{};
  const float *at = a.values;
  for (int64_t k = 0; k < depth; k++, at += a.ofDepth, b += N * kWidth) {
#pragma GCC unroll 2
    for (int n = 0; n < N; n++) factors[n] = whole(b + n * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
      for (int n = 0; n < N; n++) sums[r][n] += factors[n] * at[r * a.ofRow];
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int n = 0; n < N; n++) {
      float *to = c + r * columns + n * kWidth;
      // Not from here on: a sum of sums loses less.
      store(to, kWidth, adds ? whole(to) + sums[r][n] : sums[r][n]);
    }
}

// The last rows, fewer than R.
template <int N, int R = kRows - 1>
void lastRows(int64_t rows, const Factor &a, const float *b, float *c, int64_t columns, int64_t depth, bool adds) {
  if constexpr (R > 0) {
    if (rows == R) return block<R, N>(a, b, c, columns, depth, adds);
    lastRows<N, R - 1>(rows, a, b, c, columns, depth, adds);
  }
}

template <int N>
void productOfPanel(int64_t rows, Factor a, const float *b, float *c, int64_t columns, int64_t depth, bool adds) {
  for (; rows >= kRows; rows -= kRows, a.values += kRows * a.ofRow, c += kRows * columns)
    block<kRows, N>(a, b, c, columns, depth, adds);
  lastRows<N>(rows, a, b, c, columns, depth, adds);
}

void product(int64_t rows, int64_t columns, int64_t depth, const Factor &a, const float *b, float *c, bool adds) {
  int64_t from = 0;
  for (; from + kPanel <= columns; from += kPanel)
    productOfPanel<2>(rows, a, b + from * depth, c + from, columns, depth, adds);
  if (from < columns) productOfPanel<1>(rows, a, b + from * depth, c + from, columns, depth, adds);
}

constexpr WinogradSteps kSteps{kWidth,          transformInput,  transformGradient,       transformKernel,
                               transformTurnedKernel, isZero,          emptyResults,            transformOutput, transformKernelGradient, product};
