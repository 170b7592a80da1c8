#include "string_lists.h"

#include <cstring>
#include <vector>

#undef TFE_OpSetAttrString  // Here the real one is meant.

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

}  // namespace kd
