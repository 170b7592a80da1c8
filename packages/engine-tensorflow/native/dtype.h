// Types of elements: their names in messages, and tensors written as one reads them.
#ifndef KD_DTYPE_H_
#define KD_DTYPE_H_
#include <cstdint>
#include <string>
#include <vector>

#include "tensorflow/c/c_api.h"

namespace kd {

using Shape = std::vector<int64_t>;

std::string nameOf(TF_DataType dtype);
// "float32 [2,3]"
std::string describe(TF_DataType dtype, const Shape &shape);
std::string describe(const Shape &shape);
int64_t elementsOf(const Shape &shape);

}  // namespace kd
#endif
