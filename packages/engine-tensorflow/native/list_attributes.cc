#include "list_attributes.h"

#include <cstring>
#include <vector>

// Here the real ones are meant.
#undef TFE_OpSetAttrString
#undef TFE_OpSetAttrType

namespace kd {

void OpSetAttrString(TFE_Op *op, const char *name, const void *value, size_t length) {
  constexpr char kSeparator = '\x1f';
  const char *text = static_cast<const char *>(value);
  if (length == 0 || text[0] != kSeparator) {
    TFE_OpSetAttrString(op, name, value, length);
    return;
  }
  std::vector<const void *> items;
  std::vector<size_t> lengths;
  for (const char *at = text, *end = text + length; at < end;) {
    const char *item = at + 1;
    const void *next = std::memchr(item, kSeparator, end - item);
    at = next != nullptr ? static_cast<const char *>(next) : end;
    items.push_back(item);
    lengths.push_back(at - item);
  }
  TFE_OpSetAttrStringList(op, name, items.data(), lengths.data(), static_cast<int>(items.size()));
}

void OpSetAttrType(TFE_Op *op, const char *name, TF_DataType type) {
  const int code = static_cast<int>(type);
  if (code < 1000) {
    TFE_OpSetAttrType(op, name, type);
    return;
  }
  const std::vector<TF_DataType> types(code / 1000, static_cast<TF_DataType>(code % 1000));
  TFE_OpSetAttrTypeList(op, name, types.data(), static_cast<int>(types.size()));
}

}  // namespace kd
