// The tensors that JavaScript holds, by number. Numbers are never used twice.
#ifndef KD_TENSORS_H_
#define KD_TENSORS_H_
#include <cstdint>
#include <unordered_map>

#include "dtype.h"
#include "owned.h"

namespace kd {

class Tensors {
 public:
  int64_t add(Handle handle) {
    handles_.emplace(next_, std::move(handle));
    return next_++;
  }
  bool has(int64_t id) const { return handles_.count(id) > 0; }
  TFE_TensorHandle *at(int64_t id) const {
    const auto found = handles_.find(id);
    if (found == handles_.end()) fail("tensor " + std::to_string(id) + " is not there: was it disposed of?");
    if (found->second == nullptr)
      fail("tensor " + std::to_string(id) + " has no values: an update of it failed halfway. Give its variable a value, or go on from a checkpoint.");
    return found->second.get();
  }
  void remove(int64_t id) {
    if (handles_.erase(id) == 0) at(id);
  }
  // Its number is left without values.
  void empty(int64_t id) { handles_.at(id).reset(); }
  void fill(int64_t id, Handle handle) { handles_.at(id) = std::move(handle); }
  size_t size() const { return handles_.size(); }
  // The first number that was not given out yet.
  int64_t next() const { return next_; }
  auto begin() const { return handles_.begin(); }
  auto end() const { return handles_.end(); }

 private:
  std::unordered_map<int64_t, Handle> handles_;
  int64_t next_ = 0;
};

inline Shape shapeOf(TFE_TensorHandle *handle) {
  const Status status;
  const int rank = TFE_TensorHandleNumDims(handle, status);
  status.check("the shape of a tensor");
  Shape shape(rank);
  for (int i = 0; i < rank; ++i) shape[i] = TFE_TensorHandleDim(handle, i, status);
  status.check("the shape of a tensor");
  return shape;
}

// The tensor behind a handle: waits for its values and fetches them from the device that has them.
inline Tensor resolve(TFE_TensorHandle *handle) {
  const Status status;
  Tensor tensor(TFE_TensorHandleResolve(handle, status));
  status.check("the values of a tensor");
  return tensor;
}

}  // namespace kd
#endif
