// Finished traces: functions of the context, by number.
#ifndef KD_FUNCTIONS_H_
#define KD_FUNCTIONS_H_
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "context.h"
#include "op_call.h"
#include "tensors.h"
#include "timed_graph.h"
#include "trace.h"

namespace kd {

class Functions {
 public:
  Functions(const Context &context, Tensors &tensors) : context_(context), tensors_(tensors) {}

  struct Added {
    int64_t fn;
    std::vector<int64_t> captured;
  };
  // `timed`: its graph is kept as well, for time().
  Added add(Trace &trace, const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs,
            const std::vector<Update> &updates, bool timed);
  // Takes the inputs of the trace, then its captured ones.
  OpCall callOf(int64_t fn, const std::vector<int64_t> &inputs) const;
  // Runs it, and gives the variables that it updates their new values. Their memory goes to these where nobody else holds
  // it. After a failure on the way they have no values at all.
  std::vector<TensorMetadata> update(int64_t fn, const std::vector<int64_t> &inputs, const std::vector<int64_t> &variables);
  // Runs it, and tells when each node ran.
  TimedGraph::Ran time(int64_t fn, const std::vector<int64_t> &inputs);
  void remove(int64_t fn);
  const TraceStats &stats(int64_t fn) const { return at(fn).stats; }

 private:
  struct Entry {
    std::string name;
    size_t inputs;
    std::vector<TensorMetadata> outputs;
    std::vector<size_t> cells;  // Of the variables that it updates.
    TraceStats stats;
    std::unique_ptr<TimedGraph> timed;
  };
  OpCall checkedCall(int64_t fn, const std::vector<int64_t> &inputs, const std::vector<int64_t> &variables) const;
  const Entry &at(int64_t fn) const {
    const auto found = entries_.find(fn);
    if (found == entries_.end()) fail("function " + std::to_string(fn) + " is not there: was it removed?");
    return found->second;
  }

  const Context &context_;
  Tensors &tensors_;
  std::unordered_map<int64_t, Entry> entries_;
  int64_t next_ = 0;
};

}  // namespace kd
#endif
