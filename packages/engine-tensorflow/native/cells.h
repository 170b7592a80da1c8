// Values of variables that a graph takes, so that nobody else holds them while it makes the new ones.
#ifndef KD_CELLS_H_
#define KD_CELLS_H_
#include <atomic>
#include <cstdint>
#include <vector>

#include "owned.h"

namespace kd {

// Of one call. The ops KdTake and KdPut find it by its number; those of one cell run one after the other.
class Cells {
 public:
  explicit Cells(std::vector<Tensor> values);
  ~Cells();
  Cells(const Cells &) = delete;

  int64_t number() const { return number_; }
  // Whether an op has taken or put a value.
  bool touched() const { return touched_; }
  Tensor take(size_t cell);
  void put(size_t cell, Tensor value);

 private:
  const int64_t number_;
  std::vector<Tensor> values_;
  std::atomic<bool> touched_{false};
};

}  // namespace kd
#endif
