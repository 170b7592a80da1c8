#include "cells.h"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "kernel.h"

namespace kd {
namespace {

std::mutex mutex;
std::unordered_map<int64_t, Cells *> known;
int64_t next = 0;

int64_t enter(Cells *cells) {
  const std::lock_guard<std::mutex> lock(mutex);
  known.emplace(next, cells);
  return next++;
}

// Null for a call that is over.
Cells *cellsOf(int64_t number) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = known.find(number);
  return found == known.end() ? nullptr : found->second;
}

void *create(TF_OpKernelConstruction *construction) {
  const Status status;
  auto *cell = new int64_t(0);
  TF_OpKernelConstruction_GetAttrInt64(construction, "cell", cell, status);
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status);
  return cell;
}

void destroy(void *cell) { delete static_cast<int64_t *>(cell); }

// Calls use(cells, cell) with what the first input and the attribute say.
template <typename Use>
void withCell(KernelCall &call, void *cell, const Use &use) {
  const Tensor number = call.input(0);
  if (!call.ok()) return;
  Cells *cells = cellsOf(*static_cast<const int64_t *>(TF_TensorData(number.get())));
  if (cells == nullptr) return call.fail("the call that lends its variables is over");
  use(*cells, *static_cast<const int64_t *>(cell));
}

void take(void *given, TF_OpKernelContext *context) {
  KernelCall call(context);
  withCell(call, given, [&](Cells &cells, size_t cell) {
    const Tensor value = cells.take(cell);
    if (value == nullptr) return call.fail("the variable was lent already");
    call.give(0, value);
  });
}

void put(void *given, TF_OpKernelContext *context) {
  KernelCall call(context);
  withCell(call, given, [&](Cells &cells, size_t cell) { cells.put(cell, call.input(1)); });
}

void unknownShape(TF_ShapeInferenceContext *context, TF_Status *status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

void noShape(TF_ShapeInferenceContext *, TF_Status *) {}

const bool registered =
    registerKernel({"KdTake", {"cells: int64"}, {"value: T"}, {"cell: int", "T: type"}, unknownShape, true}, create, take,
                   destroy) &&
    registerKernel({"KdPut", {"cells: int64", "value: T"}, {}, {"cell: int", "T: type"}, noShape, true}, create, put,
                   destroy);

}  // namespace

Cells::Cells(std::vector<Tensor> values) : number_(enter(this)), values_(std::move(values)) {}

Cells::~Cells() {
  const std::lock_guard<std::mutex> lock(mutex);
  known.erase(number_);
}

Tensor Cells::take(size_t cell) {
  touched_ = true;
  return cell < values_.size() ? std::move(values_[cell]) : nullptr;
}

void Cells::put(size_t cell, Tensor value) {
  touched_ = true;
  if (cell < values_.size()) values_[cell] = std::move(value);
}

}  // namespace kd
