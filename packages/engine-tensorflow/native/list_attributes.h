// Included before every source of the binding, whose attributes can be one string or one type, but no list of them. Fused
// kernels need such lists (`fused_ops`, `TArgs`). A list of strings comes as one string, each item after a unit separator
// (0x1F); a list of n equal types as the number 1000 n + type.
#ifndef KD_LIST_ATTRIBUTES_H_
#define KD_LIST_ATTRIBUTES_H_
#include "tensorflow/c/eager/c_api.h"

namespace kd {
void OpSetAttrString(TFE_Op *op, const char *name, const void *value, size_t length);
void OpSetAttrType(TFE_Op *op, const char *name, TF_DataType type);
}

#define TFE_OpSetAttrString kd::OpSetAttrString
#define TFE_OpSetAttrType kd::OpSetAttrType
#endif
