// Included before every source of the binding, which can pass one string as an attribute, but no list of strings. Fused
// kernels need one (`fused_ops`). A list comes as one string: each item after a unit separator (0x1F).
#ifndef KD_STRING_LISTS_H_
#define KD_STRING_LISTS_H_
#include "tensorflow/c/eager/c_api.h"

namespace kd {
void OpSetAttrString(TFE_Op *op, const char *name, const void *value, size_t length);
}

#define TFE_OpSetAttrString kd::OpSetAttrString
#endif
